//go:build !race

package apns

const raceEnabled = false
