package networkpolicy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
)

// metadata is where a cloud's machine asks who it is, and gets its credentials.
const metadata = "169.254.169.254"

func someBounds(t *testing.T) *Bounds {
	t.Helper()
	bounds, err := ParseBounds("c, kube-system", "169.254.0.0/16", "tcp/8080,sctp/9998", 0)
	if err != nil {
		t.Fatal(err)
	}
	return bounds
}

// newCloud is a world whose machine beyond has the metadata address, too.
func newCloud(t *testing.T, state State) *world {
	t.Helper()
	w := newWorld(t, state)
	w.rooms[outside].ip(t, "addr add "+metadata+"/32 dev eth0")
	w.node.ip(t, "route add "+metadata+"/32 via "+outside+" dev beyond")
	return w
}

// What a namespace opens, and what its pods then reach.
var boundCases = []struct {
	name     string
	opens    string
	policies []*networkingv1.NetworkPolicy
	told     string
	tries    []try
}{
	{"by default", "", nil, "", []try{
		{aClient, nodeOnBr, probe{tcp, 8080}, true}, {aClient, nodeOnBr, probe{tcp, 8081}, false},
		{aClient, nodeOnBr, probe{udp, 8080}, false}, {aClient, nodeOnBr, probe{udp, 5353}, false},
		{aClient, nodeOnBr, probe{sctp, 9999}, false}, {aClient, "203.0.113.1", probe{tcp, 9000}, false},
		{aClient, metadata, probe{tcp, 8080}, false}, {aClient, metadata, probe{udp, 5353}, false},
		{aClient, metadata, probe{sctp, 9999}, false},
		{aClient, outside, probe{tcp, 9000}, true}, {aClient, bServer, probe{tcp, 9000}, true},
		{nodeOnBr, aServer, probe{tcp, 9000}, true}, {outside, aServer, probe{tcp, 9000}, true},
		{cClient, nodeOnBr, probe{udp, 5353}, true}, {cClient, metadata, probe{tcp, 9000}, true}}},
	{"a policy of the namespace opens nothing of it", "", []*networkingv1.NetworkPolicy{
		outOf(nil), outOf(peerList{block(nodeOnBr + "/32"), block(metadata + "/32")})}, "", []try{
		{aClient, nodeOnBr, probe{tcp, 8081}, false}, {aClient, metadata, probe{tcp, 8080}, false}}},
	{"a policy closes what is open", "", []*networkingv1.NetworkPolicy{policyOf("a", "none", nil, egress)}, "",
		[]try{{aClient, nodeOnBr, probe{tcp, 8080}, false}, {aClient, outside, probe{tcp, 8080}, false}}},
	{"the machine", "machine", nil, "", []try{
		{aClient, nodeOnBr, probe{tcp, 8081}, true}, {aClient, nodeOnBr, probe{udp, 5353}, true},
		{aClient, metadata, probe{tcp, 8080}, false}, {bClient, nodeOnBr, probe{tcp, 8081}, false}}},
	{"the addresses", "addresses", nil, "", []try{
		{aClient, metadata, probe{tcp, 8080}, true}, {aClient, nodeOnBr, probe{tcp, 8081}, false},
		{bClient, metadata, probe{tcp, 8080}, false}}},
	{"everything", "machine addresses", nil, "", []try{
		{aClient, metadata, probe{tcp, 8080}, true}, {aClient, nodeOnBr, probe{tcp, 8081}, true}}},
	{"one port more", "udp/5353,tcp/8081", nil, "", []try{
		{aClient, nodeOnBr, probe{udp, 5353}, true}, {aClient, nodeOnBr, probe{tcp, 8081}, true},
		{aClient, nodeOnBr, probe{tcp, 8080}, true}, {aClient, nodeOnBr, probe{tcp, 9000}, false}}},
	{"what cannot be read", "tcp/08x udp/5353", nil, `"tcp/08x" is no port`, []try{
		{aClient, nodeOnBr, probe{tcp, 8081}, false}, {aClient, nodeOnBr, probe{udp, 5353}, true}}},
}

func TestKernelBoundsPods(t *testing.T) {
	state := seats()
	w := newCloud(t, state)
	w.apply(t, state)
	if !w.rooms[aClient].reaches(metadata, probe{tcp, 8080}) || !w.rooms[aClient].reaches(nodeOnBr, probe{tcp, 8081}) {
		t.Fatal("without bounds these are reached (else this test shows nothing)")
	}
	state.Bounds = someBounds(t)
	for _, c := range boundCases {
		t.Run(c.name, func(t *testing.T) {
			state.Policies = c.policies
			state.Namespaces[0].Annotations = map[string]string{OpenAnnotation: c.opens}
			problems := fmt.Sprint(w.apply(t, state))
			if !strings.Contains(problems, c.told) || (c.told == "") != (problems == "[]") {
				t.Errorf("told: %s", problems)
			}
			w.checkTries(t, c.tries)
		})
	}
}

// Between pods nothing changes by bounds: every pair still does what the
// policies say.
func TestKernelBoundsLeaveThePoliciesAsTheyAre(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	state.Bounds = someBounds(t)
	for _, c := range cases {
		state.Policies = c.policies
		w.apply(t, state)
		w.check(t, state)
	}
}

// What is under way ends when the instructor closes it again; and an address
// of the machine's own is closed as one beyond it.
func TestKernelBoundsHoldForWhatIsUnderWay(t *testing.T) {
	state := seats()
	state.Bounds = someBounds(t)
	state.Namespaces[0].Annotations = map[string]string{OpenAnnotation: "machine addresses"}
	w := newWorld(t, state)
	w.node.ip(t, "addr add "+metadata+"/32 dev lo")
	w.apply(t, state)
	var conns []net.Conn
	for _, target := range []string{nodeOnBr + ":8081", metadata + ":8080"} {
		conn := connect(t, w.rooms[aClient], "tcp", target)
		if err := says(conn); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	state.Namespaces[0].Annotations = nil
	w.apply(t, state)
	for _, conn := range conns {
		if err := says(conn); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v is not reset: %v", conn.RemoteAddr(), err)
		}
	}
}

// Nothing opens the IPv6 address of metadata, which no policy could close.
func TestKernelClosesMetadataOverIPv6(t *testing.T) {
	const there = "fd00:ec2::254"
	state := seats()
	w := newWorld(t, state)
	w.node.ip(t, "addr add "+there+"/128 dev lo nodad")
	w.node.ip(t, "addr add fd00:99::1/64 dev "+testBridge+" nodad")
	pod := w.rooms[aClient]
	pod.ip(t, "addr add fd00:99::11/64 dev eth0 nodad")
	pod.ip(t, "route add "+there+"/128 via fd00:99::1")
	if !pod.reaches(there, probe{tcp, 8080}) {
		t.Fatal("without rules it is reached (else this test shows nothing)")
	}
	state.Bounds = someBounds(t)
	state.Namespaces[0].Annotations = map[string]string{OpenAnnotation: "machine addresses"}
	w.apply(t, state)
	if pod.reaches(there, probe{tcp, 8080}) {
		t.Error("the metadata address is reached over IPv6")
	}
}

func TestBoundsThatCannotBeRead(t *testing.T) {
	for _, c := range []struct{ closed, open, told string }{
		{"169.254.0.0", "", `a closed address: "169.254.0.0" is no address block`},
		{"fd00::/8", "", `"fd00::/8" is IPv6`},
		{"", "8080", `an open port of the machine: "8080" is no port: write it like tcp/8080`},
		{"", "tcp/0", `"tcp/0" is no port`},
		{"", "tcp/65536", `"tcp/65536" is no port`},
		{"", "icmp/8", `"icmp/8" is no port`},
		{"", "TCP/80", `"TCP/80" is no port`},
	} {
		if _, err := ParseBounds("", c.closed, c.open, 0); err == nil || !strings.Contains(err.Error(), c.told) {
			t.Errorf("%q %q: %v", c.closed, c.open, err)
		}
	}
}

// One address, and all pods of a namespace together, have so many connections
// to a pod, and no more, whatever changes meanwhile; others have theirs.
func TestKernelBoundsConnections(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	state.Bounds = must(ParseBounds("", "", "", 20))
	w.node.do(func() {
		if err := countsConnections(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
	w.apply(t, state)
	open := func(from, to string, count int) (conns []net.Conn) {
		w.rooms[from].do(func() {
			for range count {
				conn, err := net.DialTimeout("tcp", to+":8080", moment)
				if err == nil && says(conn) == nil {
					conns = append(conns, conn)
				}
			}
		})
		t.Cleanup(func() { closeAll(conns) })
		return conns
	}
	many := open(aClient, bServer, 30)
	if len(many) != 20 {
		t.Fatalf("%d connections of 20 are open", len(many))
	}
	// Policies change all the time; what was counted stays counted.
	state.Policies = []*networkingv1.NetworkPolicy{inTo(nil)}
	w.apply(t, state)
	if more := open(aClient, bServer, 5); len(more) > 0 {
		t.Errorf("%d more are open after a policy has changed", len(more))
	}
	if len(open(aClient, bClient, 5)) != 5 || len(open(cClient, bServer, 5)) != 5 ||
		len(open(outside, bServer, 5)) != 5 {
		t.Error("others, or another pod, are refused, too")
	}
	if more := open(aServer, bServer, 5); len(more) > 0 {
		t.Errorf("%d more are open from another pod of the namespace", len(more))
	}
	if err := says(many[0]); err != nil {
		t.Errorf("one that is open has ended: %v", err)
	}
	closeAll(many)
	if !eventually(func() bool { return len(open(aClient, bServer, 1)) == 1 }) {
		t.Error("none is open after the others are closed")
	}
	w.node.do(func() {
		if err := w.enforcer.Check(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func closeAll(conns []net.Conn) {
	for _, conn := range conns {
		// Reset, so that neither end remembers it.
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

func eventually(holds func() bool) bool {
	for range 50 {
		if holds() {
			return true
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}
