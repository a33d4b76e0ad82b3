import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { files, read } from './repository.ts'

interface Service {
  profiles?: string[]
  image?: string
  build?: string
  ports?: string[]
  volumes?: string[]
  networks?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, unknown> | string[]
  healthcheck?: unknown
  stop_grace_period?: string
}
interface Compose {
  services: Record<string, Service>
  volumes: Record<string, unknown>
  networks: Record<string, { internal?: boolean } | null>
}

const compose: Compose = parse(read('docker-compose.yml'), { merge: true })
const cluster = Object.entries(compose.services).filter(([, { profiles }]) => profiles !== undefined)
const named = (part: string) => cluster.filter(([name]) => name.startsWith(part))

t.test('`docker compose up` starts one server, and the `cluster` profile starts a cluster', async t => {
  const plain = Object.entries(compose.services).filter(([, { profiles }]) => profiles === undefined)
  t.strictSame(plain, [
    [
      'fleetwire',
      {
        build: '.',
        init: true,
        restart: 'unless-stopped',
        stop_grace_period: '40s',
        volumes: ['data:/data'],
        ports: ['127.0.0.1:3000:3000'],
      },
    ],
  ])
  t.strictSame([named('fleetwire-').length, named('nats-').length, named('balancer').length], [3, 3, 1])
  t.equal(cluster.length, 7)
  for (const [name, { profiles }] of cluster) t.strictSame(profiles, ['cluster'], name)
})

t.test('no service of the compose file can be reached from another machine', async t => {
  const ports = Object.values(compose.services).flatMap(({ ports = [] }) => ports)
  t.equal(ports.length, 2)
  for (const port of ports) t.match(port, /^127\.0\.0\.1:/)
  t.equal(new Set(ports.map(port => port.split(':')[1])).size, ports.length, 'both can run at the same time')
  t.equal(compose.networks.log?.internal, true)
  for (const [name, { networks }] of named('nats-')) t.strictSame(networks, ['log'], name)
  t.strictSame(compose.services.balancer?.networks, ['front'])
})

t.test('each node of the cluster has its own name and volume, and time to shut down', async t => {
  for (const [part, variable] of [
    ['fleetwire-', 'FLEETWIRE_NODE'],
    ['nats-', 'NATS_NAME'],
  ] as const) {
    const services = named(part).map(([, service]) => service)
    t.equal(new Set(services.map(({ environment }) => environment?.[variable])).size, 3, variable)
    const data = services.flatMap(({ volumes = [] }) => volumes.filter(volume => volume.endsWith(':/data')))
    t.equal(new Set(data).size, 3)
    for (const volume of data) t.ok(volume.split(':')[0]! in compose.volumes, volume)
    for (const { stop_grace_period } of services) t.ok(Number.parseInt(stop_grace_period!, 10) >= 30)
  }
  for (const [name, { environment }] of named('fleetwire-'))
    t.equal(environment?.FLEETWIRE_ADDRESS, `http://${name}:3000`, 'the address at which other nodes reach it')
  for (const [name, { healthcheck, build }] of cluster)
    t.ok(healthcheck !== undefined || build === '.', `${name} has a health check`)
})

t.test('every file that the compose file mounts exists', async t => {
  const mounted = cluster.flatMap(([, { volumes = [] }]) => volumes.filter(volume => volume.startsWith('./')))
  t.ok(mounted.length >= 4)
  for (const volume of mounted) t.ok(files.includes(volume.slice(2).split(':')[0]!), volume)
})

t.test('the deployment files contain no secrets', async t => {
  for (const file of files.filter(path => path.startsWith('deploy/') || path === 'docker-compose.yml'))
    for (const [, value] of read(file).matchAll(/(?:password|secret)(?:: |=)([^\s,}]+)/gi))
      t.match(value, /^(?:\$|'"\$|%s|\{$|fleetwire$)/, `${file}: ${value}`)
  for (const file of ['.gitignore', '.dockerignore']) t.match(read(file), /^\.env$/m, file)
})

t.test('HAProxy checks /ready on every node of the compose file', async t => {
  const config = read('deploy/haproxy/haproxy.cfg')
  const ready = /^backend ready\n([\s\S]*?)^\S/m.exec(config)![1]!
  t.match(ready, /http-check send meth GET uri \/ready/)
  const servers = [...ready.matchAll(/^ {2}server \S+ (\S+):3000$/gm)].map(([, host]) => host)
  t.strictSame(
    servers,
    named('fleetwire-').map(([name]) => name),
  )
})

interface Manifest {
  kind: string
  metadata: { name: string }
  // biome-ignore lint/suspicious/noExplicitAny: the fields of a manifest that matter are asserted one by one.
  spec: any
  data?: Record<string, string>
}
const manifests = files
  .filter(path => path.startsWith('deploy/kubernetes/') && path.endsWith('.yaml'))
  .flatMap(path => parseAllDocuments(read(path)).map(document => document.toJS() as Manifest))
const manifest = (kind: string, name: string) =>
  manifests.find(({ kind: ofKind, metadata }) => ofKind === kind && metadata?.name === name)!

t.test('the Kubernetes manifests are complete', async t => {
  const all = manifests.map(({ kind, metadata }) => `${kind} ${metadata?.name ?? ''}`.trim())
  t.strictSame(all.toSorted(), [
    'ConfigMap nats',
    'Deployment fleetwire',
    'Kustomization',
    'Namespace fleetwire',
    'NetworkPolicy nats',
    'PodDisruptionBudget fleetwire',
    'PodDisruptionBudget nats',
    'Service fleetwire',
    'Service nats',
    'StatefulSet nats',
  ])
  const { resources } = parse(read('deploy/kubernetes/kustomization.yaml'))
  const others = files.filter(path => /^deploy\/kubernetes\/(?!kustomization)/.test(path))
  t.strictSame(resources.map((name: string) => `deploy/kubernetes/${name}`).toSorted(), others)
  t.equal(manifest('ConfigMap', 'nats').data?.['nats.conf'], read('deploy/nats/nats.conf'), 'both copies agree')
})

t.test('Kubernetes restarts nodes according to /health, and routes clients according to /ready', async t => {
  const { spec } = manifest('Deployment', 'fleetwire')
  const { terminationGracePeriodSeconds, topologySpreadConstraints, containers } = spec.template.spec
  const [node] = containers
  t.equal(node.livenessProbe.httpGet.path, '/health')
  t.equal(node.readinessProbe.httpGet.path, '/ready')
  t.equal(node.startupProbe.httpGet.path, '/ready')
  const sleep = Number(node.lifecycle.preStop.exec.command[1])
  t.ok(terminationGracePeriodSeconds >= sleep + 40, 'enough time for a full shutdown')
  t.equal(topologySpreadConstraints.length, 2)
  t.equal(spec.strategy.rollingUpdate.maxUnavailable, 0)
  t.equal(node.resources.limits.cpu, undefined)
  const secrets = node.env.flatMap(({ valueFrom }: { valueFrom?: { secretKeyRef?: { key: string } } }) =>
    valueFrom?.secretKeyRef === undefined ? [] : [valueFrom.secretKeyRef.key],
  )
  t.strictSame(secrets, ['jwt-secret', 'nats-password'])
})

t.test('every resource that refers to a set of Pods selects it by the same labels', async t => {
  for (const [kind, name] of [
    ['Deployment', 'fleetwire'],
    ['StatefulSet', 'nats'],
  ] as const) {
    const { spec } = manifest(kind, name)
    const labels = { app: name }
    t.strictSame(spec.selector.matchLabels, labels)
    t.strictSame(spec.template.metadata.labels, labels)
    t.strictSame(manifest('Service', name).spec.selector, labels)
    t.strictSame(manifest('PodDisruptionBudget', name).spec.selector.matchLabels, labels)
    t.equal(manifest('PodDisruptionBudget', name).spec.maxUnavailable, 1)
    t.equal(spec.replicas, 3)
    for (const { labelSelector } of spec.template.spec.topologySpreadConstraints)
      t.strictSame(labelSelector.matchLabels, labels)
    const { securityContext, automountServiceAccountToken } = spec.template.spec
    t.equal(securityContext.runAsNonRoot, true)
    t.equal(automountServiceAccountToken, false)
    const [{ volumeMounts, securityContext: own }] = spec.template.spec.containers
    t.equal(own.readOnlyRootFilesystem, true)
    const volumes = [...(spec.template.spec.volumes ?? []), ...(spec.volumeClaimTemplates ?? [])].map(
      volume => volume.name ?? volume.metadata.name,
    )
    t.strictSame(volumeMounts.map((mount: { name: string }) => mount.name).toSorted(), volumes.toSorted())
  }
})
