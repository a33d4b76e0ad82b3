import type { TerminalSnapshot } from '@fleetwire/protocol'
import type { TerminalSink } from '@fleetwire/react'
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { Terminal } from '@xterm/xterm'
import { bytes } from '../../../model/format.ts'
import { leadsAway } from '../../../model/leads-away.ts'
import { allowSpanStyles, withAdoptedStyles } from './adopt-styles.ts'
import { silenceQueries } from './silence-queries.ts'
import { terminalTheme } from './theme.ts'
import { drawByWebgl } from './webgl.ts'

allowSpanStyles()

export const FONT_SIZE = 13
const FONT = '"Geist Mono Variable", ui-monospace, "SFMono-Regular", Menlo, monospace'
/** The id of the newest terminal of an agent that has none. */
const NO_TERMINAL = 'main'
const LINES_KEPT = 10_000

export interface Size {
  cols: number
  rows: number
}

export interface EmulatorOptions {
  screenReader: boolean
  onData(data: string): void
  onSize(size: Size): void
  onFocus(isFocused: boolean): void
  /** Whether the agent has no terminal to show. */
  onEmpty(isEmpty: boolean): void
  /** This many bytes are missing. */
  onGap(bytes: number): void
  /** The shortcut that leaves the terminal was pressed. */
  onLeave(): void
  onFind(): void
}

/** Wraps xterm.js, the terminal in the browser, in what this page needs. */
export class Emulator {
  readonly terminal: Terminal
  readonly search = new SearchAddon()
  readonly sink: TerminalSink
  readonly #fit = new FitAddon()
  readonly #options: EmulatorOptions
  readonly #ends: (() => void)[] = []
  #leaveWebgl: (() => () => void) | undefined
  #gapBytes = 0
  #isEmpty = false
  #isOver = false

  constructor(host: HTMLElement, options: EmulatorOptions) {
    this.#options = options
    const terminal = new Terminal({
      allowProposedApi: true,
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      fontFamily: FONT,
      fontSize: FONT_SIZE,
      lineHeight: 1.2,
      // Show the address: a link may lead elsewhere than its text says.
      linkHandler: {
        activate: openLink,
        hover: (_event, address) => host.setAttribute('title', address),
        leave: () => host.removeAttribute('title'),
      },
      minimumContrastRatio: 4.5,
      screenReaderMode: options.screenReader,
      scrollback: LINES_KEPT,
      theme: terminalTheme(),
    })
    this.terminal = terminal
    terminal.loadAddon(this.#fit)
    terminal.loadAddon(this.search)
    terminal.loadAddon(new UnicodeGraphemesAddon())
    terminal.loadAddon(new WebLinksAddon(openLink, { urlRegex: HTTP_LINK }))
    silenceQueries(terminal)
    terminal.attachCustomKeyEventHandler(event => this.#key(event))
    this.#draw(() => terminal.open(host))
    terminal.onData(data => options.onData(data))
    terminal.textarea?.addEventListener('focus', () => options.onFocus(true))
    terminal.textarea?.addEventListener('blur', () => options.onFocus(false))
    terminal.onResize(size => options.onSize(size))
    const theme = new MutationObserver(() => {
      terminal.options.theme = terminalTheme()
    })
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    this.#ends.push(() => theme.disconnect())
    const port = { terminal, draw: (act: () => void) => this.#draw(act), isOver: () => this.#isOver }
    void drawByWebgl(port).then(leave => {
      this.#leaveWebgl = leave
    })
    this.sink = {
      write: chunk => {
        this.#tellEmpty(false)
        return this.#write(chunk)
      },
      snapshot: snapshot => this.#snapshot(snapshot),
      gap: lost => this.#gap(lost),
      resize: size => this.#inTurn(() => terminal.resize(size.cols, size.rows)),
    }
  }

  /** The size that fills the host element; undefined while that is not laid out. */
  get fitting(): Size | undefined {
    const size = this.#fit.proposeDimensions()
    if (size === undefined || Number.isNaN(size.cols) || size.cols < 2 || size.rows < 2) return undefined
    return { cols: Math.min(size.cols, 1000), rows: Math.min(size.rows, 1000) }
  }

  dispose(): void {
    if (this.#isOver) return
    this.#isOver = true
    const giveBack = this.#leaveWebgl?.()
    this.terminal.dispose()
    giveBack?.()
    for (const end of this.#ends) end()
  }

  /** Style elements that the terminal creates in `act` become style sheets. */
  #draw(act: () => void): void {
    this.#ends.push(withAdoptedStyles(act))
  }

  #write(chunk: string | Uint8Array): Promise<void> {
    // Resolves when the chunk is drawn: more is requested only then.
    return new Promise(resolve => (this.#isOver ? resolve() : this.terminal.write(chunk, resolve)))
  }

  /** Runs `act` after everything written before and before everything written later. */
  #inTurn(act: () => void): void {
    if (this.#isOver) return
    // Not with a promise: the next bytes would be drawn before it settles.
    this.terminal.write('', () => {
      if (!this.#isOver) act()
    })
  }

  #tellEmpty(isEmpty: boolean): void {
    if (isEmpty === this.#isEmpty) return
    this.#isEmpty = isEmpty
    this.#options.onEmpty(isEmpty)
  }

  #snapshot({ terminalId, offset, cols, rows, screen }: TerminalSnapshot): Promise<void> {
    this.#tellEmpty(terminalId === NO_TERMINAL && offset === 0 && screen === '')
    this.#inTurn(() => {
      this.terminal.reset()
      this.terminal.resize(cols, rows)
    })
    const lost = this.#gapBytes
    this.#gapBytes = 0
    if (lost > 0) void this.#write(gapLine(lost))
    return this.#write(screen)
  }

  #gap(lost: number): void {
    this.#options.onGap(lost)
    this.#gapBytes = lost
    // A snapshot that follows in the same turn shows the gap line above its screen; otherwise bytes continue below it.
    queueMicrotask(() => {
      if (this.#gapBytes === 0) return
      this.#gapBytes = 0
      // A full-screen program would draw over the line.
      if (this.terminal.buffer.active.type === 'normal') void this.#write(`\r\n${gapLine(lost)}`)
    })
  }

  #key(event: KeyboardEvent): boolean {
    if (event.type !== 'keydown') return true
    const isMod = event.metaKey || event.ctrlKey
    if (isMod && event.key === 'Escape') {
      event.preventDefault()
      this.#options.onLeave()
      return false
    }
    // Plain Ctrl+F belongs to the program.
    if ((event.metaKey || (event.ctrlKey && event.shiftKey)) && event.key.toLowerCase() === 'f') {
      event.preventDefault()
      this.#options.onFind()
      return false
    }
    if (event.ctrlKey && event.shiftKey && event.key.toLowerCase() === 'c' && this.terminal.hasSelection()) {
      event.preventDefault()
      void navigator.clipboard?.writeText(this.terminal.getSelection())
      return false
    }
    return true
  }
}

const gapLine = (lost: number): string => `\x1b[2m── ${bytes(lost)} not kept ──\x1b[0m\r\n`

const HTTP_LINK = /https?:\/\/[^\s"'<>`{}|\\^]*[^\s"'<>`{}|\\^:,.!?;)\]]/

function openLink(_event: MouseEvent, address: string): void {
  if (leadsAway(address)) window.open(address, '_blank', 'noopener,noreferrer')
}

/** Waits for the fonts first: a terminal measures its cells only once. */
export async function createEmulator(host: HTMLElement, options: EmulatorOptions): Promise<Emulator> {
  await Promise.all([400, 600].map(weight => document.fonts.load(`${weight} ${FONT_SIZE}px "Geist Mono Variable"`)))
  return new Emulator(host, options)
}
