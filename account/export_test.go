package account

// FillGate takes every place in which passwords are hashed, until empty.
func FillGate() (empty func()) {
	for range cap(argonGate.places) {
		argonGate.places <- struct{}{}
	}
	return func() {
		for range cap(argonGate.places) {
			<-argonGate.places
		}
	}
}
