package networkpolicy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	"mnist-lab/kube/networkpolicy/claims"
)

var (
	aNone  = policyOf("a", "none", nil, ingress)
	aStays = policyOf("a", "stays", nil, egress)
)

func connect(t *testing.T, r *room, network, address string) net.Conn {
	t.Helper()
	var conn net.Conn
	r.do(func() {
		var err error
		if conn, err = net.DialTimeout(network, address, time.Second); err != nil {
			t.Fatalf("%s %s: %v", network, address, err)
		}
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

// A connection that was allowed when it began is judged again by the policies
// of now, in either direction of its packets.
func TestKernelJudgesEstablishedFlowsAgain(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		for _, policy := range []*networkingv1.NetworkPolicy{aNone, aStays} {
			t.Run(network+" "+policy.Name, func(t *testing.T) {
				state := seats()
				w := newWorld(t, state)
				w.apply(t, state)
				// From another seat into this one, and from this one out.
				from, to := w.rooms[bClient], aServer
				if policy == aStays {
					from, to = w.rooms[aClient], bServer
				}
				conn := connect(t, from, network, net.JoinHostPort(to, "8080"))
				if err := says(conn); err != nil {
					t.Fatal(err)
				}
				state.Policies = []*networkingv1.NetworkPolicy{policy}
				w.apply(t, state)
				if err := says(conn); err == nil {
					t.Error("it goes on after the policy")
				}
				state.Policies = nil
				w.apply(t, state)
				if from.reaches(to, probe{tcp, 8080}) == false {
					t.Error("nothing comes through after the policy is gone")
				}
			})
		}
	}
}

// Who has a connection to a pod that is gone is told so, and does not wait.
func TestKernelEndsConnectionsToAPodThatIsGone(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	w.apply(t, state)
	conn := connect(t, w.rooms[bClient], "tcp", net.JoinHostPort(aServer, "8080"))
	if err := says(conn); err != nil {
		t.Fatal(err)
	}
	state.Pods = append(state.Pods[:1:1], state.Pods[2:]...)
	w.apply(t, state)
	if err := says(conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("it is not reset: %v", err)
	}
	// Nobody has had a connection there: as before the pod, nothing answers.
	if w.rooms[aClient].reaches(aServer, probe{tcp, 8080}) {
		t.Error("an address that no pod has is reached")
	}
}

// What the server sends without being asked is judged, too.
func TestKernelStopsAStreamOfAnswers(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	w.apply(t, state)
	var server, client net.PacketConn
	w.rooms[aServer].do(func() { server, _ = net.ListenPacket("udp", aServer+":7000") })
	w.rooms[bClient].do(func() { client, _ = net.ListenPacket("udp", bClient+":7001") })
	defer server.Close()
	defer client.Close()
	buffer := make([]byte, 64)
	hear := func(conn net.PacketConn) (net.Addr, error) {
		_ = conn.SetReadDeadline(time.Now().Add(moment))
		_, from, err := conn.ReadFrom(buffer)
		return from, err
	}
	target, _ := net.ResolveUDPAddr("udp", aServer+":7000")
	if _, err := client.WriteTo([]byte("ask"), target); err != nil {
		t.Fatal(err)
	}
	from, err := hear(server)
	if err != nil {
		t.Fatal(err)
	}
	stream := func() error {
		_, _ = server.WriteTo([]byte("answer"), from)
		_, err := hear(client)
		return err
	}
	if err := stream(); err != nil {
		t.Fatal(err)
	}
	state.Policies = []*networkingv1.NetworkPolicy{aNone}
	w.apply(t, state)
	if stream() == nil {
		t.Error("answers still arrive when the question would no longer be allowed")
	}
}

// An answer is none unless it was asked for.
func TestKernelTakesNobodysWordForAnAnswer(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	policy := outOf(peerList{block(bServer + "/32")}, port(udp, 5353))
	policy.Spec.PodSelector.MatchLabels = nil
	state.Policies = []*networkingv1.NetworkPolicy{aNone, policy}
	w.apply(t, state)
	w.rooms[bServer].do(func() {
		local, _ := net.ResolveUDPAddr("udp", bServer+":53530")
		remote, _ := net.ResolveUDPAddr("udp", aServer+":5353")
		conn, err := net.DialUDP("udp", local, remote)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if says(conn) == nil {
			t.Error("a pod that may be asked could ask")
		}
	})
}

func TestKernelOrderOfCreation(t *testing.T) {
	state := seats()
	late := state.Pods[1]
	state.Pods = append(state.Pods[:1:1], state.Pods[2:]...)
	w := newWorld(t, state)
	state.Policies = []*networkingv1.NetworkPolicy{inTo(peerList{podsWith(labelSet{"app": "client"})}, port(tcp, 8080))}
	w.apply(t, state)
	w.addPod(t, aServer, "late")
	open := func() bool { return w.rooms[aClient].reaches(aServer, probe{tcp, 8080}) }
	if open() || w.rooms[bClient].reaches(aServer, probe{tcp, 8080}) {
		t.Error("a pod is reached before its address is known")
	}
	if w.rooms[aServer].reaches(bClient, probe{tcp, 8080}) || w.rooms[aServer].reaches(nodeOnBr, probe{tcp, 8080}) {
		t.Error("a pod reaches others before its address is known")
	}
	state.Pods = append(state.Pods, late)
	w.apply(t, state)
	if !open() || w.rooms[bClient].reaches(aServer, probe{tcp, 8080}) {
		t.Error("the policy that was there first does not hold for the pod")
	}
	for _, change := range []func(){
		func() { late.Labels = labelSet{"app": "other"} },      // no policy selects it
		func() { late.Labels = labelSet{"app": "server"} },     // one does, again
		func() { state.Policies = nil },                        // the policy goes
		func() { state.Pods = state.Pods[:len(state.Pods)-1] }, // the pod goes
	} {
		change()
		w.apply(t, state)
		w.check(t, state)
	}
	if open() {
		t.Error("the address of a pod that is gone is reached")
	}
}

// The case that once left the rules as they were for good.
func TestKernelForgetsABlockWithAnExceptionForAPod(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	wedge := outOf(peerList{block("0.0.0.0/0", aServer+"/32")})
	for range 3 {
		state.Policies = []*networkingv1.NetworkPolicy{wedge}
		w.apply(t, state)
		w.check(t, state)
		state.Policies = nil
		w.apply(t, state)
		w.check(t, state)
	}
}

// Rules replace each other whatever they are, and are read back as written.
func TestKernelTakesAnyRulesAfterAnyOthers(t *testing.T) {
	needKernel(t)
	node := newRoom(t)
	e := &Enforcer{Bridge: testBridge}
	node.do(func() {
		for seed := range uint64(150) {
			state := seats()
			state.Policies = randomPolicies(rand.New(rand.NewPCG(seed, 3)))
			rules, _ := Compile(state)
			if err := e.Apply(context.Background(), rules); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	})
}

func linkLocal(t *testing.T, r *room) string {
	t.Helper()
	var address string
	r.do(func() {
		device, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		addresses, _ := device.Addrs()
		for _, one := range addresses {
			if ip := one.(*net.IPNet).IP; ip.IsLinkLocalUnicast() {
				address = ip.String()
			}
		}
	})
	if address == "" {
		t.Fatal("the pod has no IPv6 address of its link")
	}
	return address
}

func TestKernelClosesIPv6BetweenPods(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	target := net.JoinHostPort(linkLocal(t, w.rooms[aServer])+"%eth0", "8080")
	reached := func() (err error) {
		w.rooms[bClient].do(func() {
			var conn net.Conn
			if conn, err = net.DialTimeout("tcp", target, moment); err == nil {
				conn.Close()
			}
		})
		return err
	}
	time.Sleep(50 * time.Millisecond)
	if err := reached(); err != nil {
		t.Fatalf("without rules a pod answers over IPv6 (else this test shows nothing): %v", err)
	}
	w.apply(t, state)
	if reached() == nil {
		t.Error("a pod is reached over IPv6, where no policy holds")
	}
}

// Frames in another's name do not leave the port of the bridge.
func TestKernelLetsNoPodSpeakForAnother(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	mac := func(address string) (found string) {
		w.rooms[address].do(func() {
			device, _ := net.InterfaceByName("eth0")
			found = device.HardwareAddr.String()
		})
		return found
	}
	for i, pod := range state.Pods {
		claim := claims.Claim{Container: fmt.Sprint("c", i), UID: string(pod.UID), MAC: mac(pod.Status.PodIP),
			Interface: fmt.Sprint("veth", i)}
		claim.Address = addressOf(state.members()[i].address)
		state.Claims = append(state.Claims, claim)
	}
	state.Policies = []*networkingv1.NetworkPolicy{inTo(peerList{podsWith(labelSet{"app": "client"})})}
	w.apply(t, state)
	w.check(t, state)
	var heard net.PacketConn
	w.rooms[aServer].do(func() { heard, _ = net.ListenPacket("udp", aServer+":7000") })
	defer heard.Close()
	// A pod of another seat takes the address of one that is let in.
	thief := w.rooms[bClient]
	thief.ip(t, "addr add "+aClient+"/32 dev lo")
	send := func(from string) error {
		thief.do(func() {
			local, _ := net.ResolveUDPAddr("udp", from+":7001")
			remote, _ := net.ResolveUDPAddr("udp", aServer+":7000")
			if conn, err := net.DialUDP("udp", local, remote); err == nil {
				_, _ = conn.Write([]byte("it is me"))
				conn.Close()
			}
		})
		_ = heard.SetReadDeadline(time.Now().Add(moment))
		_, _, err := heard.ReadFrom(make([]byte, 64))
		return err
	}
	if send(aClient) == nil {
		t.Error("a pod was heard in the name of another")
	}
	state.Claims = nil
	w.apply(t, state)
	if err := send(aClient); err != nil {
		t.Errorf("without claims the frame arrives (else this test shows nothing): %v", err)
	}
}

func TestKernelNoticesWhatSomebodyElseChanged(t *testing.T) {
	state := seats()
	state.Policies = []*networkingv1.NetworkPolicy{aNone, outOf(peerList{block("10.0.0.0/8", "10.99.0.12/30")}, port(tcp, 80, 90))}
	w := newWorld(t, state)
	for _, words := range [][]string{
		{"flush", "ruleset"},
		{"delete", "table", "bridge", TableName},
		{"delete", "element", "inet", TableName, "ingress", "{", aServer, "}"},
		{"add", "element", "inet", TableName, "known", "{", "10.99.0.99", "}"},
		{"flush", "chain", "inet", TableName, "leave-pod"},
		{"insert", "rule", "inet", TableName, "reach-pod", "accept"},
		{"add", "chain", "inet", TableName, "more"},
	} {
		t.Run(strings.Join(words, " "), func(t *testing.T) {
			w.apply(t, state)
			w.node.do(func() {
				if out, err := exec.Command("nft", words...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				if w.enforcer.Check(context.Background()) == nil {
					t.Error("it is not noticed")
				}
				w.enforcer.forget()
			})
			w.apply(t, state)
			w.node.do(func() {
				if err := w.enforcer.Check(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestKernelKeepsTheFormerRulesWhereNewOnesAreRefused(t *testing.T) {
	state := seats()
	state.Policies = []*networkingv1.NetworkPolicy{aNone}
	w := newWorld(t, state)
	w.apply(t, state)
	state.Policies = nil
	rules, _ := Compile(state)
	rules.claims = []claims.Claim{{Container: "c", UID: "u", Interface: "this name is far too long", MAC: "no"}}
	w.node.do(func() {
		if w.enforcer.Apply(context.Background(), rules) == nil {
			t.Fatal("nft takes a name that is none")
		}
	})
	if w.rooms[bClient].reaches(aServer, probe{tcp, 8080}) {
		t.Error("rules that were refused opened a pod")
	}
	w.apply(t, state)
	w.check(t, state)
}

func TestKernelTellsWhereBridgesPassNoRules(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	w.node.do(func() {
		if err := os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-iptables", []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
		rules, _ := Compile(state)
		err := w.enforcer.Apply(context.Background(), rules)
		if err == nil || !strings.Contains(err.Error(), "bridge-nf-call-iptables is 0: set it to 1") {
			t.Errorf("told: %v", err)
		}
	})
}

// The chains of iptables that were kept before go, the wedged ones as well.
func TestKernelRemovesTheFormerChains(t *testing.T) {
	needKernel(t)
	if _, err := exec.LookPath("iptables-restore"); err != nil {
		t.Skip("needs iptables")
	}
	node := newRoom(t)
	node.do(func() {
		former := "*filter\n:KUBE-NWPLCY - [0:0]\n:KUBE-NP-A - [0:0]\n:KUBE-NP-B - [0:0]\n:OTHER - [0:0]\n" +
			"-A FORWARD -j KUBE-NWPLCY\n-A FORWARD -j OTHER\n-A KUBE-NWPLCY -d 10.0.0.1/32 -j KUBE-NP-A\n" +
			"-A KUBE-NP-A -j KUBE-NP-B\n-A KUBE-NP-B -j REJECT\nCOMMIT\n"
		ctx := context.Background()
		if _, err := run(ctx, former, "iptables-restore"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := removeFormer(ctx); err != nil {
				t.Fatal(err)
			}
		}
		left, _ := run(ctx, "", "iptables-save", "-t", "filter")
		if strings.Contains(string(left), "KUBE-") || !strings.Contains(string(left), "-A FORWARD -j OTHER") {
			t.Errorf("left is\n%s", left)
		}
	})
}
