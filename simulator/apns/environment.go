package apns

// Environment is one of the two worlds of APNs. Device tokens, restricted
// keys and channels of one environment mean nothing in the other.
type Environment string

const (
	// Development is the sandbox: builds run from Xcode register here.
	Development Environment = "development"
	// Production serves apps from the store, TestFlight and enterprise distribution.
	Production Environment = "production"
)

func (e Environment) valid() bool { return e == Development || e == Production }
