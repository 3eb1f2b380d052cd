//go:build race

package apns

// raceEnabled lets the tests with large numbers be shorter under the race detector.
const raceEnabled = true
