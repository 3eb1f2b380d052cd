package main

import (
	"errors"
	"os"
	"runtime/pprof"
)

// cpuProfile writes where this process's CPU goes into a file, if there is to
// be one.
type cpuProfile struct {
	path string
	file *os.File // nil while nothing is written
}

// begin forgets what was written before: what a measurement prepares is not
// part of it.
func (p *cpuProfile) begin() (err error) {
	if err := p.end(); err != nil || p.path == "" {
		return err
	}
	if p.file, err = os.Create(p.path); err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(p.file); err != nil {
		err = errors.Join(err, p.file.Close())
		p.file = nil
		return err
	}
	return nil
}

func (p *cpuProfile) end() error {
	if p.file == nil {
		return nil
	}
	pprof.StopCPUProfile()
	f := p.file
	p.file = nil
	return f.Close()
}
