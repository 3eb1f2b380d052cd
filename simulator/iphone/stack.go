package iphone

// Stack is a group of notifications that lie on each other, the newest on top.
type Stack struct {
	BundleID string   `json:"bundle_id"`
	Thread   string   `json:"thread"` // aps.thread-id; "" groups what has none, by app
	Count    int      `json:"count"`
	IDs      []string `json:"ids"` // newest first
}

// stack groups entries by app and thread (spec apns.md §8.7). Entries come newest first, and so do the stacks.
func stack(entries []Notification) []Stack {
	stacks := []Stack{}
	at := map[[2]string]int{}
	for _, n := range entries {
		key := [2]string{n.BundleID, n.Thread}
		i, ok := at[key]
		if !ok {
			i, at[key] = len(stacks), len(stacks)
			stacks = append(stacks, Stack{BundleID: n.BundleID, Thread: n.Thread})
		}
		stacks[i].Count++
		stacks[i].IDs = append(stacks[i].IDs, n.ID)
	}
	return stacks
}
