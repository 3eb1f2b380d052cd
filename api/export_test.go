package api

// Undescribed returns the routes that api/openapi says nothing of.
func Undescribed() ([]string, error) {
	_, missing, err := describe(openAPIFiles)
	return missing, err
}
