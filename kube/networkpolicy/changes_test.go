package networkpolicy

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// A pod of the host's network is the machine: no selector means it, as peer or
// as what a policy is for, and a block does.
func TestKernelHostNetwork(t *testing.T) {
	state := seats()
	host := newPod("a", "host", nodeOnBr, labelSet{"app": "client", "on": "host"})
	host.Spec.HostNetwork = true
	closed := policyOf("a", "closed", labelSet{"on": "host"}, ingress, egress)
	w := newWorld(t, state)
	state.Pods = append(state.Pods, host)
	for _, c := range []struct {
		name     string
		policies []*networkingv1.NetworkPolicy
		tries    []try
	}{
		{"it is not closed", []*networkingv1.NetworkPolicy{closed}, []try{
			{bClient, nodeOnBr, probe{tcp, 8080}, true}, {nodeOnBr, bServer, probe{tcp, 8080}, true}}},
		{"a selector does not mean it", []*networkingv1.NetworkPolicy{
			outOf(peerList{podsWith(labelSet{"app": "client"}), namespacesWith(nil)})}, []try{
			{aClient, nodeOnBr, probe{tcp, 8080}, false}, {aClient, bServer, probe{tcp, 8080}, true}}},
		{"a block means it", []*networkingv1.NetworkPolicy{
			outOf(peerList{block(nodeOnBr + "/32")}, port(udp, 5353))}, []try{
			{aClient, nodeOnBr, probe{udp, 5353}, true}, {aClient, nodeOnBr, probe{tcp, 8080}, false}}},
		{"its named port is nobody's", []*networkingv1.NetworkPolicy{
			outOf(peerList{block(nodeOnBr + "/32")}, port(tcp, "http"))}, []try{
			{aClient, nodeOnBr, probe{tcp, 8080}, false}}},
		{"it comes in wherever the machine does", []*networkingv1.NetworkPolicy{policyOf("a", "none", nil, ingress)},
			[]try{{nodeOnBr, aServer, probe{tcp, 8080}, true}, {aClient, aServer, probe{tcp, 8080}, false}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			state.Policies = c.policies
			w.apply(t, state)
			w.checkTries(t, c.tries)
		})
	}
}

// Whatever changes after a policy is made, in whatever order, it holds for
// things as they are: as upstream's own cases change them.
func TestKernelFollowsEveryChange(t *testing.T) {
	state := seats()
	w := newWorld(t, state)
	policy := inTo(peerList{both(labelSet{"team": "red"}, labelSet{"app": "client"})}, port(tcp, "http"))
	state.Policies = []*networkingv1.NetworkPolicy{policy}
	server, client := state.Pods[1], state.Pods[2]
	for _, step := range []struct {
		name   string
		change func()
		open   bool
	}{
		{"the policy is there", func() {}, true},
		{"the namespace loses its label", func() { state.Namespaces[1].Labels["team"] = "blue" }, false},
		{"and gets it again", func() { state.Namespaces[1].Labels["team"] = "red" }, true},
		{"the peer loses its label", func() { client.Labels = labelSet{"app": "other"} }, false},
		{"and gets it again", func() { client.Labels = labelSet{"app": "client"} }, true},
		{"the name is another port's", func() { server.Spec.Containers[0].Ports[0].ContainerPort = 9000 }, false},
		{"and this one's again", func() { server.Spec.Containers[0].Ports[0].ContainerPort = 8080 }, true},
		{"the policy allows another protocol", func() {
			policy.Spec.Ingress[0].Ports = portList{port(udp, 8080)}
		}, false},
		{"the policy allows everything", func() {
			policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
		}, true},
		{"the policy allows nothing", func() { policy.Spec.Ingress = nil }, false},
		{"another policy allows it", func() {
			other := inTo(peerList{block(bClient + "/32")})
			other.Name = "other"
			state.Policies = append(state.Policies, other)
		}, true},
		{"the namespace is gone from the list", func() { state.Namespaces = state.Namespaces[:1] }, true},
		{"the first policy goes, the other stays", func() { state.Policies = state.Policies[1:] }, true},
		{"its pod ends and another has the address", func() {
			other := newPod("b", "other", bClient, nil)
			client.Status.Phase = corev1.PodSucceeded
			state.Pods = append(state.Pods, other)
		}, true},
		{"the block excepts it", func() {
			state.Policies[0].Spec.Ingress[0].From = peerList{block("10.99.0.0/24", bClient+"/31")}
		}, false},
		{"no policy is left", func() { state.Policies = nil }, true},
	} {
		step.change()
		w.apply(t, state)
		if got := w.rooms[bClient].reaches(aServer, probe{tcp, 8080}); got != step.open {
			t.Errorf("%s: answered %v", step.name, got)
		}
	}
}
