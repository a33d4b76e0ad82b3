import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Test files, grouped by how they can share the machine. */
export interface TestPlan {
  /**
   * One at a time, in parallel with the other groups: a browser uses more than one core by itself, and aborts its loads
   * when the network of the machine changes.
   */
  browser: TestFile[]
  /** In one process, in which all files share one DOM window. */
  dom: TestFile[]
  sideBySide: TestFile[]
  /** At the end, with little else running: they measure how a server behaves under load. */
  quiet: TestFile[]
}

export interface TestFile {
  file: string
  /** Needs its own process: it changes the process permanently, or inspects all of it. */
  isAlone: boolean
}

/** Long tests start first, so that the run does not wait for them at the end. */
const LONG = ['race', 'e2e', 'cluster', 'attack', 'realtime', 'src/cli'].map(folder => `dist/test/${folder}/`)
const BROWSER = 'dist/test/browser/'
const OF_BROWSERS = /^import .*helpers\/(?:browser|network)\.js'/m
const OF_A_DOM = /^import .*(?:happy-dom|\/dom\.js')/m
/** Mocked timers, the garbage collector, process state, root hooks. After a quote, the text belongs to another process. */
const OF_THE_PROCESS =
  /^import .*'node:test'|getActiveResourcesInfo|expose-gc|(?<!['"`].*)\bprocess\.(?:(?:on(?:ce)?|chdir|exit)\(|env\.\w+ = )|^t\.(?:before|after|beforeEach|afterEach)\(/m
const MEASURES = /await .*\.delay\(\)|monitorEventLoopDelay/

const testsIn = (root: string, folder: string): string[] =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.test.js') && !path.includes('node_modules'))
    .map(path => `${folder}/${path}`)
    .filter(file => sourceOf(file).some(source => existsSync(`${root}${source}`)))

/** A built file without a source is a leftover and not a test. */
function sourceOf(file: string): string[] {
  const source = file
    .replace(/^dist\//, '')
    .replace('/dist/', '/src/')
    .slice(0, -'.js'.length)
  return [`${source}.ts`, `${source}.tsx`]
}

/** The built test files whose path contains one of `parts`, which may be source paths; all files if there are none. */
export function findTests(root: string, parts: string[]): string[] {
  const packages = readdirSync(`${root}packages`).map(name => `packages/${name}/dist`)
  const files = ['dist/test', 'dashboard/dist', ...packages].flatMap(folder => testsIn(root, folder)).sort()
  const asBuilt = parts.map(part =>
    part.replace(/\.tsx?$/, '.js').replace(/^(packages\/\w+|dashboard)\/src\//, '$1/dist/'),
  )
  return asBuilt.length === 0 ? files : files.filter(file => asBuilt.some(part => file.includes(part)))
}

export function planTests(root: string, files: string[]): TestPlan {
  const plan: TestPlan = { browser: [], dom: [], sideBySide: [], quiet: [] }
  const short: TestFile[] = []
  for (const file of files) {
    const text = readFileSync(`${root}${file}`, 'utf8')
    const one: TestFile = { file, isAlone: OF_THE_PROCESS.test(text) }
    if (file.startsWith(BROWSER) || OF_BROWSERS.test(text)) plan.browser.push(one)
    else if (MEASURES.test(text)) plan.quiet.push({ file, isAlone: true })
    else if (OF_A_DOM.test(text)) plan.dom.push(one)
    else if (one.isAlone || LONG.some(folder => file.startsWith(folder))) plan.sideBySide.push(one)
    else short.push(one)
  }
  plan.sideBySide.push(...short)
  return plan
}
