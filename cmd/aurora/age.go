package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// age is a flag for long times: "90d" beside what time.ParseDuration reads.
type age time.Duration

func (a *age) String() string {
	if *a == 0 {
		return ""
	}
	return time.Duration(*a).String()
}

// Type names the flag's value in the help text.
func (a *age) Type() string { return "age" }

// Set reads days or a duration.
func (a *age) Set(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return fmt.Errorf("%q is no age: write days such as 90d, or hours such as 2160h", text)
		}
		*a = age(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no age: write days such as 90d, or hours such as 2160h", text)
	}
	*a = age(d)
	return nil
}
