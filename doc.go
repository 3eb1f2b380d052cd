// Package aurora is the vocabulary of a push notification platform: apps,
// devices, messages, outcomes, receipts and credentials, and the pure rules
// that hold for them wherever they stand. It does no I/O and imports the
// standard library only, so every other package can speak its language.
//
// Times are UTC instants; sizes are bytes; texts are UTF-8.
package aurora
