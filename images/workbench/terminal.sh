# shellcheck shell=bash
# Sourced by every shell of a terminal: a login shell sets its PATH anew, without the lab's programs.
case :$PATH: in
*:/opt/lab/venv/bin:*) ;;
*) PATH=/opt/app-root/bin:/opt/lab/venv/bin:$PATH ;;
esac
export PATH
# OpenShift runs the workbench as a user that only the pod knows.
USER=${USER:-$(id -un 2>/dev/null || echo notebook)}
export USER LOGNAME="${LOGNAME:-$USER}"
if [ -n "${BASH_VERSION:-}" ]; then
    PS1='[$USER@${HOSTNAME%%-[0-9]*} \W]\$ '
fi
