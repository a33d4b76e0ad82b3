import { resolve } from 'node:path'
import { Command } from 'commander'
import { systemClock } from '../clock.ts'
import { onStop } from '../stop-signals.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { startLocalAgent, withoutSettings } from './local-agent.ts'
import { loginUrl } from './login-url.ts'
import { wholeNumber } from './options.ts'
import { programName } from './program-name.ts'

interface ClusterOptions {
  port: number
  dataDir: string
  localAgent?: boolean
}

const LOCAL_AGENT = 'local'
const AGENT_TOKEN_SECONDS = 365 * 86_400
const LINK_TOKEN_SECONDS = 60

export const clusterCommand = new Command('cluster')
  .option('--port <port>', 'port of the balancer', wholeNumber(0), 3000)
  .option('--data-dir <folder>', 'where everything is kept; the next start continues with it', './data/cluster')
  .option('--local-agent', 'also run an agent named local on this machine, which runs shell lines as you')
  .addHelpText(
    'after',
    '\nIt needs a nats-server, which it takes from NATS_SERVER, the PATH, or where scripts/install-nats-server.sh puts it.\nEverything happens on this machine alone. Ctrl-C ends all of it, and the folder stays.\nSettings in the environment are ignored, so that it never touches a real fleet.',
  )
  .action(run)

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const time = (): string => new Date().toTimeString().slice(0, 8)
const note = (message: string): void => say(`${time()} ${message}`)

async function run({ port, dataDir, localAgent }: ClusterOptions): Promise<void> {
  const { findNatsServer } = await import('../processes/nats-server.ts')
  const { path: natsServer, flaw } = findNatsServer(process.env)
  if (natsServer === undefined) throw new CliError('noProgram', flaw)
  const { LocalCluster } = await import('../processes/local-cluster.ts')
  const { FolderHeld } = await import('../processes/process-folder.ts')

  const folder = resolve(dataDir)
  let active: { name: string } | undefined
  let hasGreeted = false
  let isReady = false
  let isEnding = false
  const greetOnce = () => {
    if (hasGreeted || !isReady || active === undefined) return
    hasGreeted = true
    greet().catch(error => {
      if (!isEnding) note(`No login link: ${(error as Error).message}`)
    })
  }
  const end = async (exitCode: number) => {
    if (isEnding) return
    isEnding = true
    agent?.kill('SIGTERM')
    say(`\nEnding: the nodes, then the NATS servers. The next start with ${folder} continues where this one ends.`)
    await cluster.stop()
    process.exit(exitCode)
  }
  const cluster = new LocalCluster({
    clock: systemClock,
    folder,
    port,
    natsServer,
    env: withoutSettings(process.env),
    onNote: note,
    onActive: name => {
      if (active !== undefined) note(`${name} is the active node now; before, it was ${active.name}.`)
      active = { name }
      greetOnce()
    },
    onReady: name => {
      isReady = true
      if (hasGreeted) note(`${name} accepts clients.`)
      greetOnce()
    },
    onFailed: () => {
      say(`Its output is in ${folder}.`)
      void end(exitCodes.failed)
    },
  })
  let agent: ReturnType<typeof startLocalAgent> | undefined
  onStop(systemClock, () => void end(0))
  let url: string
  try {
    url = await cluster.start()
  } catch (error) {
    throw error instanceof FolderHeld ? new CliError('failed', error.message) : error
  }
  say(`\nThree NATS servers and three nodes are starting; their data and output are in ${folder}.`)

  async function greet(): Promise<void> {
    const { readFile } = await import('node:fs/promises')
    const { localSigner } = await import('./local-signer.ts')
    const { call } = await import('./api.ts')
    const sign = localSigner((await readFile(resolve(folder, 'secret'), 'utf8')).trim(), {})
    const token = sign({ sub: 'local-admin', role: 'admin' }, LINK_TOKEN_SECONDS)
    const { code } = await call<{ code: string }>({ url, token }, 'POST', '/login/codes')
    if (localAgent && !isEnding)
      agent = startLocalAgent({
        id: LOCAL_AGENT,
        url,
        token: sign({ sub: LOCAL_AGENT, role: 'agent' }, AGENT_TOKEN_SECONDS),
        dataDir: folder,
      })
    const parts = cluster.parts
    const width = Math.max(...parts.map(({ address }) => address.length))
    const pids = Object.fromEntries(parts.map(({ name, pid }) => [name, pid]))
    const follower = parts.find(({ name }) => name.startsWith('node-') && name !== active?.name)
    say(
      [
        '',
        `A cluster of three nodes listens at ${url}, which passes each connection to a node that is ready.`,
        '',
        'Open this link to log your browser in as admin. It works once and for 10 minutes.',
        '',
        `  ${loginUrl(url, code)}`,
        '',
        ...parts.map(
          ({ name, pid, address }) =>
            `  ${name}  pid ${String(pid).padEnd(8)} ${address.padEnd(width)}${name === active?.name ? '  active: it decides' : ''}`,
        ),
        '',
        'In another terminal:',
        '',
        `  export FLEETWIRE_URL=${url} FLEETWIRE_DATA_DIR=${folder}`,
        `  ${programName()} ps`,
        ...(localAgent ? [`  ${programName()} send ${LOCAL_AGENT} --wait 'sleep 20; echo done'`] : []),
        '',
        'Kill a part there and see what the rest does. It is restarted after 5 s, and this terminal reports it.',
        '',
        `  kill -9 ${String(pids[active!.name]).padEnd(8)}  # the active node: another one takes over after about 3 s`,
        `  kill -9 ${String(follower?.pid).padEnd(8)}  # another node: its clients go to the others at once`,
        `  kill -9 ${String(pids['nats-1']).padEnd(8)}  # a NATS server: if it leads the stream, commits wait for 4 to 7 s`,
        '',
        'Ctrl-C ends everything.',
        '',
      ].join('\n'),
    )
  }
}
