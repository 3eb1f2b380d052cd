package apns

import (
	"net"
	"net/http"
)

func (s *Server) manageHandler(net.Addr) http.Handler { return http.NewServeMux() }
