package apns

// RaceEnabled tells the tests outside the package that the race detector is on.
const RaceEnabled = raceEnabled

// SkipStreams makes all connections go on with a later stream number, as after so many requests.
func (c *Client) SkipStreams(to uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, connection := range c.live {
		connection.mu.Lock()
		connection.nextStream = to | 1
		connection.mu.Unlock()
	}
}
