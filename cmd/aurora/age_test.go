package main

import (
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, "36h": 36 * time.Hour, "0d": 0, "-1d": -1, "d": -1, "1.5d": -1, "x": -1, "-3h": -1, "99999999d": -1} {
		var a age
		err := a.Set(text)
		if want >= 0 && (err != nil || time.Duration(a) != want) || want < 0 && err == nil {
			t.Errorf("%q is %v, %v", text, time.Duration(a), err)
		}
	}
}
