package networkpolicy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"mnist-lab/kube/networkpolicy/claims"
)

// goneBy is how long a pod's plugin may keep its question open.
const goneBy = 60 * time.Second

// gatekeeper answers the plugins of new pods when the rules know of them.
type gatekeeper struct {
	mutex   sync.Mutex
	waiting map[string][]net.Conn // by container
}

// openGate listens in the directory for the plugins; each question calls
// notify.
func openGate(ctx context.Context, directory string, notify func()) (*gatekeeper, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, err
	}
	path := claims.Socket(directory)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	g := &gatekeeper{waiting: map[string][]net.Conn{}}
	go func() {
		<-ctx.Done()
		listener.Close()
	}()
	go func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				time.Sleep(100 * time.Millisecond)
				continue
			}
			go g.take(conn, notify)
		}
	}()
	return g, nil
}

func (g *gatekeeper) take(conn net.Conn, notify func()) {
	_ = conn.SetDeadline(time.Now().Add(goneBy))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		conn.Close()
		return
	}
	container := strings.TrimSpace(line)
	g.mutex.Lock()
	g.waiting[container] = append(g.waiting[container], conn)
	g.mutex.Unlock()
	notify()
	time.AfterFunc(goneBy, func() { g.drop(container, conn) })
}

func (g *gatekeeper) drop(container string, conn net.Conn) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	kept := g.waiting[container][:0]
	for _, other := range g.waiting[container] {
		if other != conn {
			kept = append(kept, other)
		}
	}
	if len(kept) == 0 {
		delete(g.waiting, container)
	} else {
		g.waiting[container] = kept
	}
	conn.Close()
}

// settle answers those whose pods the applied rules know; where the rules
// could not be applied everybody is told why.
func (g *gatekeeper) settle(rules Rules, err error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	known := map[string]bool{}
	for _, claim := range rules.claims {
		known[claim.Container] = true
	}
	for container, conns := range g.waiting {
		answer := claims.Done
		if err != nil {
			answer = "the rules of this node cannot be applied: " + strings.ReplaceAll(err.Error(), "\n", " ")
		} else if !known[container] {
			continue
		}
		for _, conn := range conns {
			_, _ = fmt.Fprintln(conn, answer)
			conn.Close()
		}
		delete(g.waiting, container)
	}
}
