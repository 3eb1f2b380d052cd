package server

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/aurora-push/aurora/account"
)

// keySetting holds its own name, sealed with the installation's key.
const keySetting = "key.proof"

// proveKey refuses a key that the data was not sealed with. A server would
// otherwise fail at the first push, and a tool that was run without AURORA_KEY
// would store secrets that the server cannot open.
func (s *Server) proveKey(ctx context.Context, seal *account.Seal) error {
	proof, err := s.store.Setting(ctx, keySetting)
	if err != nil {
		return err
	}
	if proof == "" { // the first start, perhaps of several servers at once
		if proof, err = s.store.FirstSetting(ctx, keySetting, base64.StdEncoding.EncodeToString(seal.Close([]byte(keySetting), keySetting))); err != nil {
			return err
		}
	}
	sealed, err := base64.StdEncoding.DecodeString(proof)
	if err == nil {
		_, err = seal.Open(sealed, keySetting)
	}
	if err != nil {
		return errors.New("this is not the encryption key that the data was sealed with. If the server is given AURORA_KEY, every command beside it needs the same one; without it the key is the file secret.key in the data folder. Servers that share a database all need the same key: give each the same AURORA_KEY")
	}
	return nil
}
