import t from 'tap'
import { files, read, sources } from './repository.ts'

const domain =
  /new (?:AgentRegistry|AgentSessions?|BatchService|CommandQueue|Interaction(?:Effects|Ledger|Service)|SessionService)\(/

interface Rule {
  what: string
  pattern: RegExp
  /** Files, or beginnings of them, for which the rule does not hold. */
  but: string[]
  /** Default: what runs in production. */
  among?: readonly string[]
}

// These patterns stand in this folder.
const tests = files.filter(file => file.endsWith('.test.ts') && !file.startsWith('test/house/'))

/** What stands in one place alone, so that it can be replaced, or be found. */
const rules: Rule[] = [
  {
    what: 'time comes from the Clock, so that tests can move it',
    pattern: /(?<![.\w#])(?:setTimeout|setInterval)\(|\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    but: ['src/clock.ts', 'packages/client/src/clock.ts', 'src/cli/', 'dashboard/', 'bench/', 'examples/', 'scripts/'],
  },
  {
    what: 'the environment is read where a process starts',
    pattern: /\bprocess\.env\b/,
    but: [
      'src/server.ts',
      'src/cli/',
      'src/exec/',
      'packages/client/src/node/',
      'packages/client/src/examples/',
      'dashboard/',
      'bench/',
      'examples/',
      'scripts/',
    ],
  },
  {
    what: 'the process is ended where it was started',
    pattern: /\bprocess\.exit\b/,
    but: ['src/cli/', 'bench/', 'examples/'],
  },
  { what: 'the domain is wired in one place', pattern: domain, but: ['src/fleet.ts', 'src/agents/agent-sessions.ts'] },
  {
    what: 'what is refused is said in one wording',
    pattern: /cannot accept now|status: 'refused', error\b|'not_found', `There is no \w+ "/,
    but: ['src/outcome.ts', 'packages/protocol/src/error-codes.ts'],
  },
  {
    what: 'a test waits for events, or until it is so, and never for a time',
    pattern: /\bsetTimeout\((?:resolve|done)|setTimeout as \w+ \}|\?wait=0/,
    among: tests,
    // Load, jitter and kills take their time; a slow reader is one.
    but: [
      'test/attack/floods',
      'test/attack/fuzz',
      'test/attack/slow-snapshot',
      'test/e2e/kill-loop',
      'test/realtime/',
      'test/routes/commands', // How long `wait` waits is what it asks.
    ],
  },
  {
    what: 'a test judges no time and no memory, except where that is what it measures',
    pattern: /\bperformance\.now\(|\bhrtime\b|\bmemoryUsage\b|Date\.now\(\) - (?:start|begin|before|at)/,
    among: tests,
    but: [
      'test/attack/floods',
      'test/attack/terminals',
      'test/realtime/jitter', // A schedule of its own.
      'test/cluster/node-apart', // A node that is cut off says so within seconds.
      'test/routes/ws/limits', // What a rate lets in by now.
      'test/browser/working', // Two people see a change together.
      'test/src/cli/agent-token', // How long a token has to last on this machine.
    ],
  },
  { what: 'what is left to do is done, or stands in an issue', pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/, but: [] },
]

/** The lines of a file that match; few files have one. */
const linesWith = (pattern: RegExp, file: string) =>
  !pattern.test(read(file))
    ? []
    : read(file)
        .split('\n')
        .map((line, i) => ({ line, at: `${file}:${i + 1}` }))
        .filter(({ line }) => pattern.test(line))

for (const { what, pattern, but, among = sources } of rules) {
  t.test(what, async t => {
    const found = among
      .filter(file => !but.some(place => file.startsWith(place)))
      .flatMap(file => linesWith(pattern, file))
      .filter(({ line }) => !/^\s*(?:\*|\/\/|\/\*)/.test(line))
    t.same(
      found.map(({ at, line }) => `${at}: ${line.trim()}`),
      [],
    )
  })
}

t.test('no test wires the domain by hand', async t => {
  const found = files.filter(file => /^test\/.*\.ts$/.test(file) && domain.test(read(file)))
  t.same(found, [], 'createFleet does, in test/helpers/fleet.ts and in simulations')
})

// Put together here, so that this file does not hold what it looks for.
const places = ['home', 'root', 'work', 'tmp/wt', 'Users'].map(place => `/${place}/`)
const lockedAt = `"${'resolved'}": "`
const registries = ['registry', 'npm', 'artifactory', 'nexus', 'verdaccio'].join('|')
const ofOneMachine = new RegExp(
  `(?<![\\w.*)\\]}:/-])(?:${places.join('|')})|https?://[^/\\s"']*\\b(?:${registries})\\b[^/\\s"']*[/"']|${lockedAt}(?!packages/)`,
)

t.test('nothing names a place of one machine: a folder, a registry', async t => {
  t.match(`cd ${places[0]}ada`, ofOneMachine)
  t.match(`"${places[3]}x"`, ofOneMachine)
  t.match(`${lockedAt}https:`, ofOneMachine)
  t.notMatch(`GET /api${places[2]}`, ofOneMachine)
  const found = files.flatMap(file => linesWith(ofOneMachine, file))
  t.same(
    found.map(({ line, at }) => `${at}: ${line.trim().slice(0, 120)}`),
    [],
  )
})
