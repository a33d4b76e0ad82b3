/**
 * Runs in the page, before the dashboard. It measures from within, since a page driven by a debugger is slower. Its
 * options are in a meta element that the benchmark's server adds to the document.
 */
export interface Measuring {
  token: string
  /** Event types to count as they arrive on the socket. */
  counts: string[]
  /** The measurement begins once an element matches this selector. */
  until: string
  warmUpMs: number
  forMs: number
  /** How many times to press Stop, each time it is enabled. */
  stops: number
}

export interface Measured {
  /** Time since the start of the navigation. */
  visibleMs: number
  /** Times between animation frames, ms. */
  gaps: number[]
  longFrames: number
  received: number
  messages: number
  /** The time of each press, epoch ms. */
  stoppedAt: number[]
  heapBytes: number
}

const options = JSON.parse(document.querySelector<HTMLMetaElement>('meta[name=bench]')!.content) as Measuring
sessionStorage.setItem('fleetwire.token', options.token)

let received = 0
let messages = 0
const needles = options.counts.map(type => `"type":"${type}"`)
const look = ({ data }: MessageEvent) => {
  messages++
  for (const needle of needles) {
    for (let at = data.indexOf(needle); at >= 0; at = data.indexOf(needle, at + needle.length)) received++
  }
}
const Own = globalThis.WebSocket
globalThis.WebSocket = class extends Own {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args)
    this.addEventListener('message', look)
  }
}

const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

function whenThere(selector: string): Promise<void> {
  return new Promise(resolve => {
    const isThere = () => document.querySelector(selector) !== null
    if (isThere()) return resolve()
    const observer = new MutationObserver(() => {
      if (!isThere()) return
      observer.disconnect()
      resolve()
    })
    observer.observe(document, { subtree: true, childList: true, attributes: true })
  })
}

function framesFor(ms: number): Promise<number[]> {
  const gaps: number[] = []
  return new Promise(resolve => {
    const begin = performance.now()
    let last = begin
    const next = () => {
      const now = performance.now()
      gaps.push(now - last)
      last = now
      if (now - begin < ms) requestAnimationFrame(next)
      else resolve(gaps)
    }
    requestAnimationFrame(next)
  })
}

async function pressStop(times: number): Promise<number[]> {
  const at: number[] = []
  const button = 'button[aria-label="Stop"], button[data-action=stop]'
  for (let i = 0; i < times; i++) {
    const find = () =>
      [...document.querySelectorAll<HTMLButtonElement>('button')].find(
        one => !one.disabled && one.ariaDisabled !== 'true' && one.textContent?.trim() === 'Stop',
      ) ?? document.querySelector<HTMLButtonElement>(button)
    let found = find()
    while (found === null || found.disabled) {
      await sleep(20)
      found = find()
    }
    at.push(performance.timeOrigin + performance.now())
    found.click()
    await sleep(400)
  }
  return at
}

async function measure(): Promise<Measured> {
  await whenThere(options.until)
  const visibleMs = performance.now()
  await sleep(options.warmUpMs)
  let longFrames = 0
  new PerformanceObserver(list => {
    longFrames += list.getEntries().length
  }).observe({ type: 'long-animation-frame' })
  const before = { received, messages }
  const gaps = options.forMs === 0 ? [] : await framesFor(options.forMs)
  const after = { received, messages }
  const stoppedAt = await pressStop(options.stops)
  const { memory } = performance as unknown as { memory?: { usedJSHeapSize: number } }
  return {
    ...{ visibleMs, gaps, longFrames, stoppedAt, heapBytes: memory?.usedJSHeapSize ?? Number.NaN },
    ...{ received: after.received - before.received, messages: after.messages - before.messages },
  }
}

void measure().then(result => fetch('/bench/result', { method: 'POST', body: JSON.stringify(result) }))
