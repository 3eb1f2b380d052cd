package account

// What callers ask for with every call is kept in memory for cacheLife: apps,
// API keys, credentials. Whoever changes one forgets all, here at once and on
// other servers by a hint; without the hint they notice when its time is over.

// Forget makes the next use of each app, key and credential read it again.
func (s *Service) Forget() {
	s.changes.Add(1)
	s.cache.Clear()
	s.keys.Clear()
	s.credentials.Clear()
}

// changed is called after a change was stored.
func (s *Service) changed() {
	s.Forget()
	if s.c.Changed != nil {
		s.c.Changed()
	}
}

// credentialsChanged is called after an app's credentials were.
func (s *Service) credentialsChanged(appID int64) {
	s.changed()
	if s.c.Moved != nil {
		s.c.Moved(appID)
	}
}

// unlessChanged calls keep with what was read since changes were so many, and
// drop if there was one meanwhile: it may be the old one.
func (s *Service) unlessChanged(changes int64, keep, drop func()) {
	keep()
	if s.changes.Load() != changes {
		drop()
	}
}
