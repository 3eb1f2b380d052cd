package apns

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// strictJSON decodes one JSON value and refuses members it does not know, so
// that a misspelt switch is an error and not a switch that does nothing.
func strictJSON(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more than one JSON value")
	}
	return nil
}
