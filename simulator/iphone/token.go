package iphone

import "strings"

// maxRetired is how many dead tokens an app's pushes are refused for; older ones are APNs' business alone.
const maxRetired = 16

// RotateToken gives an installed app a new device token, as after a restore from a backup: the app keeps its data and its
// registration at Aurora, the old token dies. Without a session the new token comes with the next one.
func (p *Phone) RotateToken(bundleID string) error {
	return p.try(func() error {
		i, err := p.find(bundleID)
		if err != nil {
			return err
		}
		p.note("phone", "the device token of %s is void", i.app.Name)
		i.installID = newInstallID()
		i.container.save(i)
		for _, token := range []string{i.token, i.activityToken} {
			if token != "" {
				i.retired = append(i.retired, strings.ToLower(token))
			}
		}
		if over := len(i.retired) - maxRetired; over > 0 {
			i.retired = i.retired[over:]
		}
		i.token, i.activityToken = "", ""
		if p.session != nil {
			p.session.registerAll(i)
		}
		return nil
	})
}

// Reinstall removes an app and installs it anew: no data, no permission, another token, another registration at Aurora.
func (p *Phone) Reinstall(bundleID string) error {
	p.mu.Lock()
	i, err := p.find(bundleID)
	if err != nil {
		p.mu.Unlock()
		return err
	}
	app, build := i.app, i.build
	p.mu.Unlock()
	if err := p.Uninstall(bundleID); err != nil {
		return err
	}
	app.Build = &build
	return p.Install(app)
}
