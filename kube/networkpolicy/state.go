package networkpolicy

import (
	"net/netip"
	"sort"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"mnist-lab/kube/networkpolicy/claims"
)

// State is what the rules are made from.
type State struct {
	Pods       []*corev1.Pod
	Namespaces []*corev1.Namespace
	Policies   []*networkingv1.NetworkPolicy
	// Claims say which pod the node has given which address, before the pod's
	// status does.
	Claims []claims.Claim
	// Bounds hold whatever policies say; nil for none.
	Bounds *Bounds
}

// member is a pod on the pods' network, by its address.
type member struct {
	pod     *corev1.Pod
	address uint32
}

// members returns the pods that have addresses of their own, each address
// once, in order of namespace and name. A claim is believed before a status:
// the address of a pod that has ended may be another's by then. An address
// that nobody has is refused, so leaving a pod out opens nothing.
func (s State) members() []member {
	claimed := map[string][]netip.Addr{}
	owner := map[netip.Addr]string{}
	for _, claim := range s.Claims {
		claimed[claim.UID] = append(claimed[claim.UID], claim.Address)
		owner[claim.Address] = claim.UID
	}
	holders := map[netip.Addr]*corev1.Pod{}
	for _, pod := range s.Pods {
		if pod.Spec.HostNetwork ||
			pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		// Two where a pod is being given a new network.
		addresses := claimed[identity(pod)]
		if len(addresses) == 0 {
			parsed, err := netip.ParseAddr(pod.Status.PodIP)
			if err != nil {
				continue
			}
			if _, others := owner[parsed]; others {
				continue
			}
			addresses = []netip.Addr{parsed}
		}
		for _, address := range addresses {
			if before := holders[address]; address.Is4() && (before == nil || younger(pod, before)) {
				holders[address] = pod
			}
		}
	}
	found := make([]member, 0, len(holders))
	for address, pod := range holders {
		found = append(found, member{pod, numberOf(address)})
	}
	sort.Slice(found, func(i, j int) bool {
		a, b := key(found[i].pod), key(found[j].pod)
		return a < b || a == b && found[i].address < found[j].address
	})
	return found
}

// identity is the UID under which the node knows a pod: a static pod's is not
// that of its mirror in the API.
func identity(pod *corev1.Pod) string {
	if mirrored := pod.Annotations[corev1.MirrorPodAnnotationKey]; mirrored != "" {
		return mirrored
	}
	return string(pod.UID)
}

func younger(pod, other *corev1.Pod) bool {
	if !pod.CreationTimestamp.Equal(&other.CreationTimestamp) {
		return other.CreationTimestamp.Before(&pod.CreationTimestamp)
	}
	return key(pod) < key(other)
}

func key(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name }
