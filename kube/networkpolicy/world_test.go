package networkpolicy

// A node with a bridge and pods, in network namespaces that nobody else sees
// and that end with the test: the rules are the kernel's own here.

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	testBridge = "test-br"
	nodeOnBr   = "10.99.0.1"
	outside    = "203.0.113.9"
	// moment is how long an answer may take within one machine.
	moment = 300 * time.Millisecond
)

// room is a network namespace: what is done in it is done by a thread of its
// own, with which it ends.
type room struct {
	tasks chan func()
	tid   int
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{tasks: make(chan func())}
	ready := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and the
		// namespace with the thread.
		runtime.LockOSThread()
		err := syscall.Unshare(syscall.CLONE_NEWNET)
		r.tid = syscall.Gettid()
		ready <- err
		if err != nil {
			return
		}
		for task := range r.tasks {
			task()
		}
	}()
	if err := <-ready; err != nil {
		t.Fatalf("a network namespace cannot be made: %v", err)
	}
	t.Cleanup(func() { close(r.tasks) })
	return r
}

func (r *room) do(task func()) {
	done := make(chan struct{})
	r.tasks <- func() { defer close(done); task() }
	<-done
}

func (r *room) ip(t *testing.T, line string) {
	t.Helper()
	r.do(func() {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Errorf("ip %s: %v: %s", line, err, out)
		}
	})
}

// world is the node with its pods, and one machine beyond it.
type world struct {
	node     *room
	rooms    map[string]*room // by address
	enforcer *Enforcer
}

func newWorld(t *testing.T, state State) *world {
	t.Helper()
	needKernel(t)
	w := &world{node: newRoom(t), rooms: map[string]*room{}, enforcer: &Enforcer{Bridge: testBridge}}
	w.node.ip(t, "link set lo up")
	w.node.ip(t, "link add "+testBridge+" type bridge")
	w.node.ip(t, "addr add "+nodeOnBr+"/24 dev "+testBridge)
	w.node.ip(t, "link set "+testBridge+" up")
	w.node.do(func() {
		for name, value := range map[string]string{
			"ipv4/ip_forward": "1", "bridge/bridge-nf-call-iptables": "1", "bridge/bridge-nf-call-ip6tables": "1",
			"ipv4/icmp_ratemask": "0", // else some refusals are not told
		} {
			if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0); err != nil {
				t.Error(err)
			}
		}
	})
	w.serve(t, w.node)
	for i, pod := range state.Pods {
		w.addPod(t, pod.Status.PodIP, fmt.Sprint("veth", i))
	}
	beyond := newRoom(t)
	w.rooms[outside] = beyond
	w.node.ip(t, fmt.Sprintf("link add beyond type veth peer name eth0 netns %d", beyond.tid))
	w.node.ip(t, "addr add 203.0.113.1/24 dev beyond")
	w.node.ip(t, "link set beyond up")
	beyond.ip(t, "link set lo up")
	beyond.ip(t, "link set eth0 up")
	beyond.ip(t, "addr add "+outside+"/24 dev eth0")
	beyond.ip(t, "route add default via 203.0.113.1")
	w.serve(t, beyond)
	return w
}

// addPod makes a pod at a port of the bridge.
func (w *world) addPod(t *testing.T, address, port string) *room {
	t.Helper()
	r := newRoom(t)
	w.rooms[address] = r
	w.node.ip(t, fmt.Sprintf("link add %s type veth peer name eth0 netns %d", port, r.tid))
	w.node.ip(t, fmt.Sprintf("link set %s master %s up", port, testBridge))
	w.node.do(func() {
		// As the bridge plugin sets it: a pod may reach itself by its Service.
		_ = os.WriteFile("/sys/class/net/"+port+"/brport/hairpin_mode", []byte("1"), 0)
	})
	r.do(func() { _ = os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0) })
	r.do(func() { _ = os.WriteFile("/proc/sys/net/ipv6/conf/eth0/accept_dad", []byte("0"), 0) })
	r.ip(t, "link set lo up")
	r.ip(t, "addr add "+address+"/24 dev eth0")
	r.ip(t, "link set eth0 up")
	r.ip(t, "route add default via "+nodeOnBr)
	w.serve(t, r)
	return r
}

// needKernel skips where there is no right to make namespaces, unless the
// tests were asked for.
func needKernel(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("nft")
	if os.Geteuid() != 0 || err != nil {
		if os.Getenv("LAB_KERNEL_TESTS") != "" {
			t.Fatalf("these tests need root and nft (Debian package nftables); uid %d, nft: %v", os.Geteuid(), err)
		}
		t.Skip("needs root and nft")
	}
}

func (w *world) apply(t *testing.T, state State) []Problem {
	t.Helper()
	rules, problems := Compile(state)
	w.node.do(func() {
		if err := w.enforcer.Apply(context.Background(), rules); err != nil {
			t.Errorf("%v in\n%s", err, script(rules.tables(testBridge)...))
		}
	})
	return problems
}

// serve answers on every port that the tests try.
func (w *world) serve(t *testing.T, r *room) {
	t.Helper()
	r.do(func() {
		for _, p := range probes {
			switch p.protocol {
			case tcp:
				listener, err := net.Listen("tcp", fmt.Sprintf(":%d", p.port))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { listener.Close() })
				go echo(listener)
			case udp:
				conn, err := net.ListenPacket("udp", fmt.Sprintf(":%d", p.port))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				go func() {
					buffer := make([]byte, 64)
					for {
						n, from, err := conn.ReadFrom(buffer)
						if errors.Is(err, net.ErrClosed) {
							return
						}
						if err == nil {
							_, _ = conn.WriteTo(buffer[:n], from)
						}
					}
				}()
			case sctp:
				serveSCTP(t)
			}
		}
	})
}

func echo(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			buffer := make([]byte, 64)
			for {
				n, err := conn.Read(buffer)
				if err != nil {
					return
				}
				if _, err := conn.Write(buffer[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// chunk is a packet of SCTP with one chunk, as far as a firewall looks into it:
// the kernel need not know the protocol.
func chunk(from, to uint16, tag uint32, kind byte) []byte {
	packet := make([]byte, 12+20)
	binary.BigEndian.PutUint16(packet[0:], from)
	binary.BigEndian.PutUint16(packet[2:], to)
	binary.BigEndian.PutUint32(packet[4:], tag)
	packet[12] = kind
	binary.BigEndian.PutUint16(packet[14:], 20)
	binary.BigEndian.PutUint32(packet[16:], 77) // the tag that answers bear
	binary.BigEndian.PutUint32(packet[20:], 65536)
	binary.BigEndian.PutUint16(packet[24:], 1)
	binary.BigEndian.PutUint16(packet[26:], 1)
	binary.LittleEndian.PutUint32(packet[8:], crc32.Checksum(packet, crc32.MakeTable(crc32.Castagnoli)))
	return packet
}

const (
	initChunk    = 1
	initAckChunk = 2
)

func serveSCTP(t *testing.T) {
	conn, err := net.ListenPacket("ip4:132", "0.0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 128)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil || n < 32 || buffer[12] != initChunk {
				continue
			}
			source := binary.BigEndian.Uint16(buffer[0:])
			target := binary.BigEndian.Uint16(buffer[2:])
			_, _ = conn.WriteTo(chunk(target, source, 77, initAckChunk), from)
		}
	}()
}

// sctpPort makes each association another.
var sctpPort atomic.Uint32

// reaches tries one connection from a room and says whether it was answered.
func (r *room) reaches(address string, p probe) (answered bool) {
	r.do(func() {
		switch p.protocol {
		case sctp:
			answered = reachesSCTP(address, uint16(p.port))
		case tcp:
			conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, fmt.Sprint(p.port)), moment)
			if err == nil {
				answered = true
				conn.Close()
			}
		case udp:
			conn, err := net.Dial("udp", net.JoinHostPort(address, fmt.Sprint(p.port)))
			if err == nil {
				answered = says(conn) == nil
				conn.Close()
			}
		}
	})
	return answered
}

// says sends something and waits for the echo.
func says(conn net.Conn) error {
	_ = conn.SetDeadline(time.Now().Add(moment))
	if _, err := conn.Write([]byte("hello")); err != nil {
		return err
	}
	buffer := make([]byte, 64)
	n, err := conn.Read(buffer)
	if err == nil && !bytes.Equal(buffer[:n], []byte("hello")) {
		err = fmt.Errorf("the echo is %q", buffer[:n])
	}
	return err
}

func reachesSCTP(address string, port uint16) bool {
	conn, err := net.ListenPacket("ip4:132", "0.0.0.0")
	if err != nil {
		return false
	}
	defer conn.Close()
	own := uint16(20000 + sctpPort.Add(1)%40000)
	_ = conn.SetDeadline(time.Now().Add(moment / 3))
	target := &net.IPAddr{IP: net.ParseIP(address)}
	if _, err := conn.WriteTo(chunk(own, port, 0, initChunk), target); err != nil {
		return false
	}
	buffer := make([]byte, 128)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return false
		}
		if n >= 32 && from.String() == address && buffer[12] == initAckChunk &&
			binary.BigEndian.Uint16(buffer[2:]) == own {
			return true
		}
	}
}

// checkTries tries some connections that are written out.
func (w *world) checkTries(t *testing.T, tries []try) {
	t.Helper()
	for _, one := range tries {
		source := w.node
		if one.from != nodeOnBr {
			source = w.rooms[one.from]
		}
		if got := source.reaches(one.to, one.probe); got != one.open {
			t.Errorf("from %s to %s on %v: answered %v", one.from, one.to, one.probe, got)
		}
	}
}

// check tries every pair of pods, the node and the machine beyond on every
// port, and compares with the oracle.
func (w *world) check(t *testing.T, state State) {
	t.Helper()
	places := []place{{address: outside}}
	for _, pod := range state.Pods {
		places = append(places, placeOf(pod))
	}
	var all sync.WaitGroup
	for _, from := range places {
		// Each source has a thread of its own.
		all.Go(func() { w.checkFrom(t, state, from, places) })
	}
	all.Wait()
}

func (w *world) checkFrom(t *testing.T, state State, from place, places []place) {
	source := w.node
	if !from.node {
		source = w.rooms[from.address]
	}
	for _, to := range places {
		for _, p := range probes {
			// A raw socket hears what it sends to itself; and the machine
			// beyond asks the node at an address that is not its own.
			if p.protocol == sctp && from.address == to.address || from.address == outside && to.node {
				continue
			}
			wanted := allowed(state, from, to, p.protocol, p.port)
			if got := source.reaches(to.address, p); got != wanted {
				t.Errorf("from %s to %s on %v: answered %v, wanted %v", from.address, to.address, p, got, wanted)
			}
		}
	}
}
