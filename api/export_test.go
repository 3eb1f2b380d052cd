package api

import "fmt"

// Undescribed returns the routes that api/openapi says nothing of.
func Undescribed() ([]string, error) {
	_, missing, err := describe(openAPIFiles)
	return missing, err
}

// Numbers returns the numbers of all kinds of refusal, as "CODE with STATUS".
func Numbers() map[string]bool {
	all := map[string]bool{}
	for _, kinds := range refusals {
		for _, n := range kinds {
			all[fmt.Sprintf("%d with %d", n.code, n.status)] = true
		}
	}
	return all
}
