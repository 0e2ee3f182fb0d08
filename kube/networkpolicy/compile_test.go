package networkpolicy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mnist-lab/kube/networkpolicy/claims"
)

// permits plays the rules: whether they let a connection through.
func (r Rules) permits(from, to netip.Addr, protocol corev1.Protocol, port int32) bool {
	if from == to {
		return true
	}
	ends := map[direction][2]uint32{
		egress:  {numberOf(from), numberOf(to)},
		ingress: {numberOf(to), numberOf(from)},
	}
	for _, way := range directions {
		own, peer := ends[way][0], ends[way][1]
		for _, pod := range r.pods {
			if pod.address != own || pod.guards[way] == nil {
				continue
			}
			open := false
			for _, g := range pod.guards[way] {
				for _, a := range g.allows {
					open = open || a.permits(peer, numberOf(to), protocol, uint32(port))
				}
			}
			if !open {
				return false
			}
		}
	}
	return true
}

func (a allowance) permits(peer, server uint32, protocol corev1.Protocol, port uint32) bool {
	if a.peers != nil && !a.peers.has(peer) || a.protocol != "" && a.protocol != protocol {
		return false
	}
	if a.doors != nil {
		for _, d := range a.doors {
			if d == (door{server, port}) {
				return true
			}
		}
		return false
	}
	return a.ports == nil || a.ports.has(port)
}

// disagreement is the first connection on which the rules and the oracle are
// not of one mind.
func disagreement(state State) string {
	rules, _ := Compile(state)
	for _, from := range state.Pods {
		for _, to := range state.Pods {
			for _, p := range probes {
				source, target := netip.MustParseAddr(from.Status.PodIP), netip.MustParseAddr(to.Status.PodIP)
				wanted := allowed(state, placeOf(from), placeOf(to), p.protocol, p.port)
				if rules.permits(source, target, p.protocol, p.port) != wanted {
					return fmt.Sprintf("%s to %s on %v: wanted %v", key(from), key(to), p, wanted)
				}
			}
		}
	}
	return ""
}

func placeOf(pod *corev1.Pod) place { return place{pod: pod, address: pod.Status.PodIP} }

func TestRulesDoWhatTheAPISays(t *testing.T) {
	for seed := range uint64(3000) {
		state := seats()
		state.Policies = randomPolicies(rand.New(rand.NewPCG(seed, 1)))
		if problem := disagreement(state); problem != "" {
			t.Fatalf("seed %d: %s", seed, problem)
		}
	}
}

func FuzzRulesDoWhatTheAPISays(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, first, second uint64) {
		state := seats()
		state.Policies = randomPolicies(rand.New(rand.NewPCG(first, second)))
		if problem := disagreement(state); problem != "" {
			t.Fatal(problem)
		}
	})
}

// Whatever is written in a policy, the others are as they were, the rules are
// written with nothing but what was parsed, and what cannot be read is told.
func FuzzOnePolicyConcernsNoOther(f *testing.F) {
	f.Add("010.0.0.0/8", "10.0.0.08/30", "http", int32(80), int32(90), "TCP")
	f.Add("0.0.0.0/0", "10.99.0.11/32", "", int32(1), int32(65535), "SCTP")
	f.Add("::ffff:10.0.0.0/104", "fe80::/10", "x }\ndrop", int32(-1), int32(1), "icmp")
	f.Add("0.0.0.0/00", "0.0.0.0/0", "; flush ruleset", int32(0), int32(0), "tcp")
	f.Fuzz(func(t *testing.T, cidr, except, name string, first, last int32, protocol string) {
		good := inTo(peerList{podsWith(labelSet{"app": "client"})}, port(tcp, 8080))
		state := seats()
		state.Policies = []*networkingv1.NetworkPolicy{good}
		before, problems := Compile(state)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		bad := policyOf("b", "bad", nil, ingress, egress)
		rule := networkingv1.NetworkPolicyIngressRule{
			From: peerList{block(cidr, except)},
			Ports: portList{
				port(corev1.Protocol(protocol), int(first), last), port(corev1.Protocol(protocol), name)},
		}
		bad.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{rule}
		bad.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{To: rule.From, Ports: rule.Ports}}
		state.Policies = append(state.Policies, bad)
		after, problems := Compile(state)
		for i, pod := range before.pods {
			if state.members()[i].pod.Namespace != "b" && fmt.Sprint(pod.guards[ingress]) != "" &&
				len(pod.guards[ingress]) != len(after.pods[i].guards[ingress]) {
				t.Fatalf("the bad policy changed what holds for %v", pod)
			}
		}
		for _, problem := range problems {
			if problem.Subject != bad {
				t.Fatalf("%s is said of %s", problem.Message, problem.Subject.GetName())
			}
		}
		if _, err := netip.ParsePrefix(cidr); err != nil && len(problems) == 0 {
			t.Fatalf("nothing is told of %q", cidr)
		}
		for _, line := range strings.Split(script(after.tables("br")...), "\n") {
			if strings.Contains(line, "#") { // names of policies, which the API server checks
				continue
			}
			if rest := strings.Trim(line, allowedBytes); rest != "" {
				t.Fatalf("%q is in the script", line)
			}
		}
	})
}

const allowedBytes = "abcdefghijklmnopqrstuvwxyz0123456789 \t{}@.:,;\"=!-_"

func TestBadBlocksAreToldAndAllowNothing(t *testing.T) {
	for _, words := range [][]string{
		{"010.99.0.0/16"}, {"10.99.0.0/016"}, {"10.99.0.0"}, {"::ffff:10.99.0.0/112"},
		{"10.99.0.0/16", "10.99.0.012/32"}, {"10.99.0.0/16", "fe80::/10"}, {"10.99.0.0/33"}, {""},
	} {
		state := seats()
		state.Policies = []*networkingv1.NetworkPolicy{inTo(peerList{block(words[0], words[1:]...)})}
		rules, problems := Compile(state)
		if len(problems) != 1 || problems[0].Subject != state.Policies[0] {
			t.Errorf("%v: %v is told", words, problems)
		}
		if rules.permits(netip.MustParseAddr("10.99.0.11"), netip.MustParseAddr("10.99.0.12"), tcp, 8080) {
			t.Errorf("%v lets somebody in", words)
		}
	}
}

func TestOneBadRuleLeavesTheOthersOfItsPolicy(t *testing.T) {
	state := seats()
	policy := inTo(peerList{block("0177.0.0.0/8"), podsWith(labelSet{"app": "client"})}, port(tcp, 8080))
	state.Policies = []*networkingv1.NetworkPolicy{policy}
	rules, problems := Compile(state)
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "leading zeros") {
		t.Errorf("told: %v", problems)
	}
	if !rules.permits(netip.MustParseAddr("10.99.0.11"), netip.MustParseAddr("10.99.0.12"), tcp, 8080) {
		t.Error("the client of the same namespace is not let in")
	}
}

func TestAPolicyMayBeOnlySoLarge(t *testing.T) {
	var many peerList
	for i := range policyLimit {
		many = append(many, block(fmt.Sprintf("192.%d.%d.0/28", i/256, i%256)))
	}
	state := seats()
	state.Policies = []*networkingv1.NetworkPolicy{inTo(many)}
	rules, problems := Compile(state)
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "10000 are allowed") {
		t.Errorf("told: %v", problems)
	}
	if rules.permits(netip.MustParseAddr("192.0.0.1"), netip.MustParseAddr("10.99.0.12"), tcp, 80) {
		t.Error("a policy that is too large lets somebody in")
	}
}

func TestANamespaceMayNameOnlySoMany(t *testing.T) {
	var many peerList
	for i := range policyLimit - 10 {
		many = append(many, block(fmt.Sprintf("192.%d.%d.0/28", i/256, i%256)))
	}
	state := seats()
	for i := range 7 {
		policy := inTo(many)
		policy.Name = fmt.Sprint("large-", i)
		state.Policies = append(state.Policies, policy)
	}
	neighbour := policyOf("b", "small", nil, ingress)
	neighbour.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
	state.Policies = append(state.Policies, neighbour)
	rules, problems := Compile(state)
	if len(problems) != 2 {
		t.Errorf("of seven policies with ten thousand blocks each, the last two are too many: %v", problems)
	}
	if !rules.permits(netip.MustParseAddr("10.99.0.11"), netip.MustParseAddr("10.99.0.13"), tcp, 80) {
		t.Error("another namespace's policy no longer lets anybody in")
	}
}

func TestWhoHasAnAddress(t *testing.T) {
	at := netip.MustParseAddr("10.99.0.20")
	ended := newPod("a", "ended", at.String(), nil)
	ended.Status.Phase = corev1.PodSucceeded
	host := newPod("a", "host", at.String(), nil)
	host.Spec.HostNetwork = true
	fresh := newPod("a", "fresh", "", nil)
	old := newPod("a", "old", at.String(), nil)
	young := newPod("a", "young", at.String(), nil)
	young.CreationTimestamp = metav1.Unix(9, 0)
	static := newPod("a", "static", "", nil)
	static.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "hash"}
	wide := newPod("a", "wide", "fd00::1", nil)
	claim := func(uid string) []claims.Claim { return []claims.Claim{{UID: uid, Address: at}} }
	cases := []struct {
		name   string
		pods   []*corev1.Pod
		claims []claims.Claim
		want   string
	}{
		{"an ended pod has none", []*corev1.Pod{ended}, nil, ""},
		{"a pod of the host's network has none of its own", []*corev1.Pod{host}, nil, ""},
		{"a pod whose address nobody knows has none", []*corev1.Pod{fresh}, nil, ""},
		{"IPv6 is none", []*corev1.Pod{wide}, nil, ""},
		{"the node knows before the status does", []*corev1.Pod{fresh}, claim("a-fresh"), "fresh"},
		{"the node is believed before a status", []*corev1.Pod{old, fresh}, claim("a-fresh"), "fresh"},
		{"a claim of a pod that is gone leaves it nobody's", []*corev1.Pod{old}, claim("gone"), ""},
		{"of two, the younger", []*corev1.Pod{young, old}, nil, "young"},
		{"a pod that is given a new network has both",
			[]*corev1.Pod{fresh}, append(claim("a-fresh"), claims.Claim{UID: "a-fresh", Address: at.Next()}), "fresh fresh"},
		{"a static pod by its hash", []*corev1.Pod{static}, claim("hash"), "static"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var names []string
			for _, found := range (State{Pods: c.pods, Claims: c.claims}).members() {
				names = append(names, found.pod.Name)
			}
			if strings.Join(names, " ") != c.want {
				t.Errorf("has it: %v, wanted %q", names, c.want)
			}
		})
	}
}

func TestSpans(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	edge := ^uint32(0) - 40
	for range 5000 {
		base := []uint32{0, edge}[random.IntN(2)]
		some := func() (made []span) {
			for range random.IntN(5) {
				first := base + uint32(random.IntN(38))
				made = append(made, span{first, first + uint32(random.IntN(3))})
			}
			return made
		}
		in := func(all []span, x uint32) bool {
			for _, s := range all {
				if s.first <= x && x <= s.last {
					return true
				}
			}
			return false
		}
		a, b := some(), some()
		joined, left := merged(a...), merged(a...).without(merged(b...))
		for i := range uint32(41) {
			x := base + i
			if joined.has(x) != in(a, x) || left.has(x) != (in(a, x) && !in(b, x)) {
				t.Fatalf("%v without %v: %v and %v are wrong at %d", a, b, joined, left, x)
			}
		}
		for i := 1; i < len(joined); i++ {
			if uint64(joined[i].first) <= uint64(joined[i-1].last)+1 {
				t.Fatalf("%v touch", joined)
			}
		}
	}
}
