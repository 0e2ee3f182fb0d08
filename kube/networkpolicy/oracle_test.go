package networkpolicy

// An oracle that says of one connection whether Kubernetes allows it, straight
// from the API's words and without anything that the rules are made with.

import (
	"net"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// place is one end of a connection: a pod, or an address outside.
type place struct {
	pod     *corev1.Pod
	address string
	node    bool
}

func matches(selector *metav1.LabelSelector, set map[string]string) bool {
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && compiled.Matches(labels.Set(set))
}

func allowed(state State, from, to place, protocol corev1.Protocol, port int32) bool {
	if from.node || from.address == to.address {
		return true
	}
	return passes(state, from, to, to, protocol, port, networkingv1.PolicyTypeEgress) &&
		passes(state, to, from, to, protocol, port, networkingv1.PolicyTypeIngress)
}

// passes tells whether the policies of one end let the other be its peer.
func passes(
	state State, own, peer, server place, protocol corev1.Protocol, port int32, way networkingv1.PolicyType,
) bool {
	if own.pod == nil {
		return true
	}
	isolated := false
	for _, policy := range state.Policies {
		if policy.Namespace != own.pod.Namespace || !matches(&policy.Spec.PodSelector, own.pod.Labels) {
			continue
		}
		for _, kind := range policy.Spec.PolicyTypes {
			isolated = isolated || kind == way
		}
		if way == networkingv1.PolicyTypeIngress {
			for _, rule := range policy.Spec.Ingress {
				if peerIn(state, policy, rule.From, peer) && portIn(rule.Ports, server.pod, protocol, port) {
					return true
				}
			}
			continue
		}
		for _, rule := range policy.Spec.Egress {
			if peerIn(state, policy, rule.To, peer) && portIn(rule.Ports, server.pod, protocol, port) {
				return true
			}
		}
	}
	return !isolated
}

func peerIn(
	state State, policy *networkingv1.NetworkPolicy, peers []networkingv1.NetworkPolicyPeer, other place,
) bool {
	for _, peer := range peers {
		if block := peer.IPBlock; block != nil {
			if inBlock(block, net.ParseIP(other.address)) {
				return true
			}
			continue
		}
		if other.pod == nil || peer.PodSelector == nil && peer.NamespaceSelector == nil {
			continue
		}
		space := other.pod.Namespace == policy.Namespace
		if peer.NamespaceSelector != nil {
			space = false
			for _, namespace := range state.Namespaces {
				space = space || namespace.Name == other.pod.Namespace &&
					matches(peer.NamespaceSelector, namespace.Labels)
			}
		}
		if space && (peer.PodSelector == nil || matches(peer.PodSelector, other.pod.Labels)) {
			return true
		}
	}
	return len(peers) == 0
}

func inBlock(block *networkingv1.IPBlock, address net.IP) bool {
	_, whole, err := net.ParseCIDR(block.CIDR)
	if err != nil || !whole.Contains(address) {
		return false
	}
	for _, word := range block.Except {
		_, except, err := net.ParseCIDR(word)
		if err != nil || except.Contains(address) {
			return false
		}
	}
	return true
}

func portIn(
	ports []networkingv1.NetworkPolicyPort, server *corev1.Pod, protocol corev1.Protocol, port int32,
) bool {
	for _, wanted := range ports {
		kind := corev1.ProtocolTCP
		if wanted.Protocol != nil {
			kind = *wanted.Protocol
		}
		if kind != protocol {
			continue
		}
		switch {
		case wanted.Port == nil:
			return true
		case wanted.Port.Type == intstr.String:
			if server == nil {
				continue
			}
			for _, container := range server.Spec.Containers {
				for _, offered := range container.Ports {
					same := offered.Protocol == kind || offered.Protocol == "" && kind == corev1.ProtocolTCP
					if same && offered.Name == wanted.Port.StrVal && offered.ContainerPort == port {
						return true
					}
				}
			}
		case wanted.EndPort != nil:
			if port >= wanted.Port.IntVal && port <= *wanted.EndPort {
				return true
			}
		case wanted.Port.IntVal == port:
			return true
		}
	}
	return len(ports) == 0
}
