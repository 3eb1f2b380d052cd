package apns

// RaceEnabled tells the tests outside the package that the race detector is on.
const RaceEnabled = raceEnabled
