#!/usr/bin/env bash
# Delivers one plan as a Slurm array job on this machine, and checks that every message went out once.
#
#   sudo apt-get install slurm-wlm munge
#   swift build -c release && sudo Tests/EndToEnd/Cluster/slurm.sh .build/release/nightmail
#
# It begins a munged, slurmctld and slurmd of its own in a temporary folder, and ends them. Needs root, as slurmd does.
set -euo pipefail
nightmail=$(realpath "${1:?path of the nightmail program}")
shards=${2:-4}
messages=${3:-400}

work=$(mktemp -d)
chmod 755 "$work"
daemons=()
cleanup() {
  for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

# A cluster of one node.
host=$(hostname -s)
mkdir "$work/munge" "$work/state" "$work/spool"
chown -R munge: "$work/munge"
dd if=/dev/urandom of="$work/munge/key" bs=1024 count=1 status=none
chown munge: "$work/munge/key"
chmod 400 "$work/munge/key"
setpriv --reuid=munge --regid=munge --clear-groups munged --foreground --key-file="$work/munge/key" \
  --socket="$work/munge/socket" --pid-file="$work/munge/pid" --seed-file="$work/munge/seed" \
  --log-file="$work/munge/log" & daemons+=($!)
cat > "$work/slurm.conf" <<EOF
ClusterName=nightmail
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
SlurmdParameters=config_overrides
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$shards State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=10 State=UP
EOF
export SLURM_CONF="$work/slurm.conf"
until [ -S "$work/munge/socket" ]; do sleep 0.2; done
slurmctld -D & daemons+=($!)
slurmd -D & daemons+=($!)
for _ in $(seq 100); do
  [ "$(sinfo -h -o %T 2>/dev/null || true)" = idle ] && break
  sleep 0.3
done
sinfo

# Eight mailboxes and a folder that takes the messages.
project="$work/project"
mkdir -p "$project/campaigns/letter" "$project/data"
echo 'window: always' > "$project/campaigns/settings.yaml"
cat > "$project/campaigns/letter/campaign.yaml" <<'EOF'
status: active
approval: optional
audience: {contacts: [contacts.csv]}
mailboxes: {tag: letters}
unsubscribe: {url: "https://shop.example/u/{{send_id}}"}
steps:
  - {id: only, subject: "Hello {{first_name}}", text: {inline: "Dear {{first_name}}\n"}}
EOF
{ echo email,first_name; for i in $(seq "$messages"); do echo "c$i@example.com,Contact $i"; done; } \
  > "$project/data/contacts.csv"
{ echo id,from,providers,tags; for i in $(seq 8); do echo "box$i,box$i@shop.example,folder,letters"; done; } \
  > "$project/data/mailboxes.csv"
echo '- {id: folder, type: file}' > "$project/data/providers.yaml"
"$nightmail" plan --rehearse --date 2025-11-20 --project "$project"

cat > "$work/deliver.sh" <<EOF
#!/usr/bin/env bash
exec "$nightmail" send --rehearse 2025-11-20 --project "$project" --shard "\$SLURM_ARRAY_TASK_ID/$shards"
EOF
sbatch --wait --array="0-$((shards - 1))" --output="$work/shard-%a.log" "$work/deliver.sh"
cat "$work"/shard-*.log

day="$project/output/rehearsal/2025-11-20"
ls "$day"
planned=$(tail -n +2 "$day/plan.jsonl" | wc -l)
sent=$(cat "$day"/results.*-of-"$shards".jsonl | grep -c '"outcome":"sent"')
files=$(find "$day/outbox" -name '*.eml' | wc -l)
once=$(cat "$day"/results.*-of-"$shards".jsonl | grep '"outcome":"sent"' | grep -o '"id":"[0-9a-f]*"' | sort -u | wc -l)
"$nightmail" status --rehearse 2025-11-20 --project "$project"
echo "$planned planned, $sent sent by $shards shards, $once different, $files messages in the folder"
[ "$planned" = "$messages" ] && [ "$sent" = "$messages" ] && [ "$once" = "$messages" ] && [ "$files" = "$messages" ]
