#!/usr/bin/env bash
# On a real subscription, which costs money: make, look, change nothing, delete. Runs only when asked for, with a config of its own.
#   MOPS_AZURE_REAL=yes MOPS_AZURE_CONFIG=real.yaml tests/azure/real.sh
set -euo pipefail
if [ "${MOPS_AZURE_REAL:-}" != yes ] || [ -z "${MOPS_AZURE_CONFIG:-}" ]; then
    echo "real.sh: not run; set MOPS_AZURE_REAL=yes and MOPS_AZURE_CONFIG to a provider config of a subscription that may be billed" >&2
    exit 2
fi
group=${MOPS_AZURE_GROUP:?set it to the resource group that the config leads to: it will be deleted}
mops-azure doctor --register
mops-azure create -y
mops-azure plan --detailed-exitcode   # 0: what Azure made is what was asked for
mops-azure create -y | grep -q 'Nothing to do'
mops-azure status --json
kubeconfig=$(mktemp)
mops-azure kubeconfig --file "$kubeconfig"
KUBECONFIG=$kubeconfig kubectl get nodes
rm -f "$kubeconfig"
mops doctor --no-probe --infra azure
mops-azure stop
mops-azure start
mops-azure delete -y --confirm "$group" --unlock
mops-azure status | grep -q 'not there'
echo "real.sh: passed"
