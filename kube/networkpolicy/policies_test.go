package networkpolicy

// Pods and policies for all tests, by short names.

import (
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

type labelSet = map[string]string

func newPod(namespace, name, ip string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Labels: labels, UID: types.UID(namespace + "-" + name)},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Ports: []corev1.ContainerPort{
				{Name: "http", ContainerPort: 8080},
				{Name: "names", ContainerPort: 5353, Protocol: corev1.ProtocolUDP},
				{Name: "signals", ContainerPort: 9999, Protocol: corev1.ProtocolSCTP},
			},
		}}},
		Status: corev1.PodStatus{PodIP: ip, Phase: corev1.PodRunning},
	}
}

// seats are two seats' pods, one of a third namespace, and one whose port http
// is another number.
func seats() State {
	namespace := func(name string, labels labelSet) *corev1.Namespace {
		labels["kubernetes.io/metadata.name"] = name
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	}
	odd := newPod("b", "server", "10.99.0.14", labelSet{"app": "server"})
	odd.Spec.Containers[0].Ports[0].ContainerPort = 8081
	return State{
		Pods: []*corev1.Pod{
			newPod("a", "client", "10.99.0.11", labelSet{"app": "client"}),
			newPod("a", "server", "10.99.0.12", labelSet{"app": "server"}),
			newPod("b", "client", "10.99.0.13", labelSet{"app": "client"}),
			odd,
			newPod("c", "client", "10.99.0.15", labelSet{"app": "client"}),
		},
		Namespaces: []*corev1.Namespace{
			namespace("a", labelSet{"team": "blue"}), namespace("b", labelSet{"team": "red"}),
			namespace("c", labelSet{"team": "red"}),
		},
	}
}

func policyOf(
	namespace, name string, selector labelSet, kinds ...networkingv1.PolicyType,
) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: selector}, PolicyTypes: kinds},
	}
}

type (
	peerList = []networkingv1.NetworkPolicyPeer
	portList = []networkingv1.NetworkPolicyPort
)

// inTo is a policy of the namespace a for its server, with one ingress rule.
func inTo(peers peerList, ports ...networkingv1.NetworkPolicyPort) *networkingv1.NetworkPolicy {
	policy := policyOf("a", "in", labelSet{"app": "server"}, ingress)
	policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: peers, Ports: ports}}
	return policy
}

// outOf is a policy of the namespace a for its client, with one egress rule.
func outOf(peers peerList, ports ...networkingv1.NetworkPolicyPort) *networkingv1.NetworkPolicy {
	policy := policyOf("a", "out", labelSet{"app": "client"}, egress)
	policy.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{To: peers, Ports: ports}}
	return policy
}

func podsWith(labels labelSet) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: labels}}
}

func namespacesWith(labels labelSet) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{MatchLabels: labels}}
}

func both(namespaces, pods labelSet) networkingv1.NetworkPolicyPeer {
	peer := namespacesWith(namespaces)
	peer.PodSelector = &metav1.LabelSelector{MatchLabels: pods}
	return peer
}

func block(cidr string, except ...string) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: cidr, Except: except}}
}

func port(protocol corev1.Protocol, value any, end ...int32) networkingv1.NetworkPolicyPort {
	made := networkingv1.NetworkPolicyPort{Protocol: &protocol}
	switch v := value.(type) {
	case int:
		number := intstr.FromInt32(int32(v))
		made.Port = &number
	case string:
		name := intstr.FromString(v)
		made.Port = &name
	}
	if len(end) > 0 {
		made.EndPort = &end[0]
	}
	return made
}

const (
	tcp  = corev1.ProtocolTCP
	udp  = corev1.ProtocolUDP
	sctp = corev1.ProtocolSCTP
)

// probe is one connection that is tried.
type probe struct {
	protocol corev1.Protocol
	port     int32
}

// probes are the ports that every pod of the tests serves.
var probes = []probe{{tcp, 8080}, {tcp, 8081}, {tcp, 9000}, {udp, 5353}, {udp, 8080}, {sctp, 9999}}

// randomPolicies are some policies made of everything that a policy can have.
func randomPolicies(random *rand.Rand) []*networkingv1.NetworkPolicy {
	pick := func(some ...labelSet) labelSet { return some[random.IntN(len(some))] }
	apps := func() labelSet { return pick(nil, labelSet{"app": "client"}, labelSet{"app": "server"}) }
	teams := func() labelSet { return pick(nil, labelSet{"team": "red"}, labelSet{"team": "blue"}) }
	prefix := func() string {
		return fmt.Sprintf("10.99.0.%d/%d", random.IntN(32), []int{0, 8, 24, 28, 30, 31, 32}[random.IntN(7)])
	}
	peer := func() networkingv1.NetworkPolicyPeer {
		switch random.IntN(5) {
		case 0:
			return podsWith(apps())
		case 1:
			return namespacesWith(teams())
		case 2:
			return both(teams(), apps())
		case 3:
			return block(prefix())
		}
		return block("0.0.0.0/0", prefix(), prefix())
	}
	aPort := func() networkingv1.NetworkPolicyPort {
		protocol := protocols[random.IntN(3)]
		switch random.IntN(4) {
		case 0:
			return port(protocol, nil)
		case 1:
			return port(protocol, []string{"http", "names", "signals", "absent"}[random.IntN(4)])
		case 2:
			start := 8000 + random.IntN(1500)
			return port(protocol, start, int32(start+random.IntN(1500)))
		}
		return port(protocol, []int{8080, 8081, 9000, 5353, 9999}[random.IntN(5)])
	}
	var made []*networkingv1.NetworkPolicy
	for i := range 1 + random.IntN(4) {
		policy := policyOf([]string{"a", "b"}[random.IntN(2)], fmt.Sprint("p", i), apps())
		for _, way := range [][]networkingv1.PolicyType{{ingress}, {egress}, {ingress, egress}}[random.IntN(3)] {
			policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, way)
			for range random.IntN(3) {
				var peers peerList
				var ports portList
				for range random.IntN(3) {
					peers = append(peers, peer())
				}
				for range random.IntN(3) {
					ports = append(ports, aPort())
				}
				if way == ingress {
					policy.Spec.Ingress = append(policy.Spec.Ingress,
						networkingv1.NetworkPolicyIngressRule{From: peers, Ports: ports})
				} else {
					policy.Spec.Egress = append(policy.Spec.Egress,
						networkingv1.NetworkPolicyEgressRule{To: peers, Ports: ports})
				}
			}
		}
		made = append(made, policy)
	}
	return made
}
