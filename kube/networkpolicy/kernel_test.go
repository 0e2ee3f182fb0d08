package networkpolicy

import (
	"math/rand/v2"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
)

// try is one connection of a case, with what must come of it.
type try struct {
	from, to string
	probe    probe
	open     bool
}

const (
	aClient = "10.99.0.11"
	aServer = "10.99.0.12"
	bClient = "10.99.0.13"
	bServer = "10.99.0.14"
	cClient = "10.99.0.15"
)

// cases are NetworkPolicies with some connections written out; all others are
// compared with the oracle.
var cases = []struct {
	name     string
	policies []*networkingv1.NetworkPolicy
	tries    []try
}{
	{"no policy", nil, []try{
		{bClient, aServer, probe{tcp, 8080}, true}, {outside, aServer, probe{sctp, 9999}, true}}},
	{"nothing comes in", []*networkingv1.NetworkPolicy{policyOf("a", "none", nil, ingress)}, []try{
		{aClient, aServer, probe{tcp, 8080}, false}, {aServer, bClient, probe{tcp, 8080}, true},
		{aServer, aServer, probe{tcp, 8080}, true}, {nodeOnBr, aServer, probe{tcp, 8080}, true},
		{outside, aServer, probe{udp, 5353}, false}, {bClient, aServer, probe{sctp, 9999}, false}}},
	{"nothing goes out", []*networkingv1.NetworkPolicy{policyOf("a", "none", nil, egress)}, []try{
		{aClient, bClient, probe{tcp, 8080}, false}, {bClient, aClient, probe{tcp, 8080}, true},
		{aClient, nodeOnBr, probe{tcp, 8080}, false}, {aClient, outside, probe{udp, 5353}, false},
		{aClient, bClient, probe{sctp, 9999}, false}}},
	{"pods of the same namespace", []*networkingv1.NetworkPolicy{inTo(peerList{podsWith(labelSet{"app": "client"})})},
		[]try{{aClient, aServer, probe{tcp, 8080}, true}, {bClient, aServer, probe{tcp, 8080}, false}}},
	{"pods of namespaces", []*networkingv1.NetworkPolicy{inTo(peerList{namespacesWith(labelSet{"team": "red"})})},
		[]try{{aClient, aServer, probe{tcp, 8080}, false}, {bClient, aServer, probe{tcp, 8080}, true},
			{cClient, aServer, probe{udp, 5353}, true}}},
	{"some pods of some namespaces", []*networkingv1.NetworkPolicy{
		inTo(peerList{both(labelSet{"team": "red"}, labelSet{"app": "client"})})},
		[]try{{bClient, aServer, probe{tcp, 8080}, true}, {bServer, aServer, probe{tcp, 8080}, false}}},
	{"either the pods or the namespaces", []*networkingv1.NetworkPolicy{
		inTo(peerList{podsWith(labelSet{"app": "client"}), namespacesWith(labelSet{"kubernetes.io/metadata.name": "c"})})},
		[]try{{aClient, aServer, probe{tcp, 8080}, true}, {cClient, aServer, probe{tcp, 8080}, true},
			{bClient, aServer, probe{tcp, 8080}, false}}},
	{"ports", []*networkingv1.NetworkPolicy{inTo(nil, port(tcp, 8080), port(udp, 5353))}, []try{
		{bClient, aServer, probe{tcp, 8080}, true}, {bClient, aServer, probe{udp, 5353}, true},
		{bClient, aServer, probe{tcp, 8081}, false}, {bClient, aServer, probe{udp, 8080}, false}}},
	{"a range of ports", []*networkingv1.NetworkPolicy{inTo(nil, port(tcp, 8081, 9000))}, []try{
		{bClient, aServer, probe{tcp, 8080}, false}, {bClient, aServer, probe{tcp, 8081}, true},
		{bClient, aServer, probe{tcp, 9000}, true}}},
	{"SCTP", []*networkingv1.NetworkPolicy{inTo(nil, port(sctp, 9999))}, []try{
		{bClient, aServer, probe{sctp, 9999}, true}, {bClient, aServer, probe{tcp, 8080}, false}}},
	{"all of UDP", []*networkingv1.NetworkPolicy{inTo(nil, port(udp, nil))}, []try{
		{bClient, aServer, probe{udp, 8080}, true}, {bClient, aServer, probe{sctp, 9999}, false}}},
	{"a named port is the pod's that is reached", []*networkingv1.NetworkPolicy{
		outOf(peerList{namespacesWith(nil)}, port(tcp, "http"))}, []try{
		{aClient, aServer, probe{tcp, 8080}, true}, {aClient, aServer, probe{tcp, 8081}, false},
		{aClient, bServer, probe{tcp, 8081}, true}, {aClient, bServer, probe{tcp, 8080}, false}}},
	{"a named port of another protocol", []*networkingv1.NetworkPolicy{inTo(nil, port(udp, "http"), port(sctp, "signals"))},
		[]try{{bClient, aServer, probe{udp, 8080}, false}, {bClient, aServer, probe{sctp, 9999}, true}}},
	{"a block with exceptions", []*networkingv1.NetworkPolicy{
		inTo(peerList{block("10.99.0.0/24", "10.99.0.13/32", "10.99.0.14/31")})}, []try{
		{aClient, aServer, probe{tcp, 8080}, true}, {bClient, aServer, probe{tcp, 8080}, false},
		{bServer, aServer, probe{tcp, 8080}, false}, {outside, aServer, probe{tcp, 8080}, false}}},
	{"everything but one pod", []*networkingv1.NetworkPolicy{outOf(peerList{block("0.0.0.0/0", aServer+"/32")})}, []try{
		{aClient, aServer, probe{tcp, 8080}, false}, {aClient, bServer, probe{tcp, 8080}, true},
		{aClient, outside, probe{tcp, 8080}, true}}},
	{"out to the machine's port", []*networkingv1.NetworkPolicy{outOf(peerList{block(nodeOnBr + "/32")}, port(tcp, 8080))}, []try{
		{aClient, nodeOnBr, probe{tcp, 8080}, true}, {aClient, nodeOnBr, probe{tcp, 8081}, false},
		{aClient, nodeOnBr, probe{udp, 5353}, false}, {bClient, nodeOnBr, probe{tcp, 8081}, true}}},
	{"from outside", []*networkingv1.NetworkPolicy{inTo(peerList{block("203.0.113.0/24")}, port(tcp, nil))}, []try{
		{outside, aServer, probe{tcp, 9000}, true}, {outside, aServer, probe{udp, 5353}, false},
		{aClient, aServer, probe{tcp, 9000}, false}}},
	{"both ends must agree", []*networkingv1.NetworkPolicy{
		inTo(peerList{podsWith(labelSet{"app": "client"})}, port(tcp, 8080, 9000)),
		outOf(peerList{podsWith(labelSet{"app": "server"})}, port(tcp, 8081))}, []try{
		{aClient, aServer, probe{tcp, 8080}, false}, {aClient, aServer, probe{tcp, 8081}, true}}},
	{"policies add up", []*networkingv1.NetworkPolicy{
		policyOf("a", "none", nil, ingress, egress), inTo(nil, port(tcp, 8080)),
		outOf(peerList{podsWith(nil)})}, []try{
		{aClient, aServer, probe{tcp, 8080}, true}, {bClient, aServer, probe{tcp, 8080}, true},
		{aServer, aClient, probe{tcp, 8080}, false}}},
	{"one that cannot be read closes its own pods only", []*networkingv1.NetworkPolicy{
		inTo(peerList{block("010.99.0.0/16")})}, []try{
		{aClient, aServer, probe{tcp, 8080}, false}, {aServer, aClient, probe{tcp, 8080}, true},
		{aClient, bServer, probe{tcp, 8080}, true}}},
}

func TestKernelCases(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			state.Policies = c.policies
			w.apply(t, state)
			w.checkTries(t, c.tries)
			w.check(t, state)
		})
	}
}

func TestKernelDoesWhatTheAPISays(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	for seed := range uint64(20) {
		state.Policies = randomPolicies(rand.New(rand.NewPCG(seed, 20)))
		w.apply(t, state)
		w.check(t, state)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
