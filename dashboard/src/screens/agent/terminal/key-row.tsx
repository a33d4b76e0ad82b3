import type { Terminal } from '@xterm/xterm'
import { ArrowDown, ArrowLeft, ArrowRight, ArrowUp, ClipboardPaste } from 'lucide-react'
import type { ReactNode } from 'react'
import { cx } from '../../../ui/cx.ts'
import type { Held } from './held-keys.ts'

export interface KeyRowProps {
  terminal: Terminal
  held: Held
  onHold(held: Held): void
  type(data: string): void
}

/** The keys that a phone's keyboard lacks. They leave the focus, and with it the keyboard, where it is. */
export function KeyRow({ terminal, held, onHold, type }: KeyRowProps) {
  const arrow = (letter: string) => type(`\x1b${terminal.modes.applicationCursorKeysMode ? 'O' : '['}${letter}`)
  const paste = async () => {
    const text = await navigator.clipboard?.readText().catch(() => undefined)
    if (text !== undefined) terminal.paste(text)
  }
  return (
    <div role="toolbar" aria-label="Keys" className="flex shrink-0 overflow-x-auto border-t border-line bg-card">
      <Key label="Escape" onPress={() => type('\x1b')}>
        Esc
      </Key>
      <Key label="Tab" onPress={() => type('\t')}>
        Tab
      </Key>
      <Key
        label="Control, for the next key"
        pressed={held === 'ctrl'}
        onPress={() => onHold(held === 'ctrl' ? undefined : 'ctrl')}
      >
        Ctrl
      </Key>
      <Key
        label="Alt, for the next key"
        pressed={held === 'alt'}
        onPress={() => onHold(held === 'alt' ? undefined : 'alt')}
      >
        Alt
      </Key>
      <Key label="Up" onPress={() => arrow('A')}>
        <ArrowUp size={14} aria-hidden />
      </Key>
      <Key label="Down" onPress={() => arrow('B')}>
        <ArrowDown size={14} aria-hidden />
      </Key>
      <Key label="Left" onPress={() => arrow('D')}>
        <ArrowLeft size={14} aria-hidden />
      </Key>
      <Key label="Right" onPress={() => arrow('C')}>
        <ArrowRight size={14} aria-hidden />
      </Key>
      <Key label="Control C" onPress={() => type('\x03')}>
        ^C
      </Key>
      <Key label="Paste" onPress={() => void paste()}>
        <ClipboardPaste size={14} aria-hidden />
      </Key>
    </div>
  )
}

interface KeyProps {
  label: string
  pressed?: boolean
  onPress(): void
  children: ReactNode
}

function Key({ label, pressed, onPress, children }: KeyProps) {
  return (
    <button
      type="button"
      aria-label={label}
      {...(pressed !== undefined && { 'aria-pressed': pressed })}
      onPointerDown={event => event.preventDefault()}
      onClick={onPress}
      className={cx(
        'flex h-11 min-w-9 flex-1 items-center justify-center px-1 text-meta font-medium',
        pressed ? 'bg-selected text-text' : 'text-text2',
      )}
    >
      {children}
    </button>
  )
}
