package account

const argonTestMemory = 64 // KiB

func init() { argonMemory = argonTestMemory }

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
