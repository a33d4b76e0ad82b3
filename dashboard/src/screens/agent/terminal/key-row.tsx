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

/** Keys that a phone's keyboard lacks. They do not move the focus, so the keyboard stays open. */
export function KeyRow({ terminal, held, onHold, type }: KeyRowProps) {
  const arrow = (letter: string) => type(`\x1b${terminal.modes.applicationCursorKeysMode ? 'O' : '['}${letter}`)
  const hold = (key: Held) => onHold(held === key ? undefined : key)
  const paste = async () => {
    const text = await navigator.clipboard?.readText().catch(() => undefined)
    if (text !== undefined) terminal.paste(text)
  }
  return (
    <div role="toolbar" aria-label="Keys" className="flex shrink-0 overflow-x-auto border-t border-line bg-card">
      <Key label="Esc" onPress={() => type('\x1b')} />
      <Key label="Tab" onPress={() => type('\t')} />
      <Key label="Ctrl" pressed={held === 'ctrl'} onPress={() => hold('ctrl')} />
      <Key label="Alt" pressed={held === 'alt'} onPress={() => hold('alt')} />
      <Key label="Up" icon={<ArrowUp size={14} aria-hidden />} onPress={() => arrow('A')} />
      <Key label="Down" icon={<ArrowDown size={14} aria-hidden />} onPress={() => arrow('B')} />
      <Key label="Left" icon={<ArrowLeft size={14} aria-hidden />} onPress={() => arrow('D')} />
      <Key label="Right" icon={<ArrowRight size={14} aria-hidden />} onPress={() => arrow('C')} />
      <Key label="^C" onPress={() => type('\x03')} />
      <Key label="Paste" icon={<ClipboardPaste size={14} aria-hidden />} onPress={() => void paste()} />
    </div>
  )
}

interface KeyProps {
  label: string
  icon?: ReactNode
  pressed?: boolean
  onPress(): void
}

function Key({ label, icon, pressed, onPress }: KeyProps) {
  return (
    <button
      type="button"
      {...(icon !== undefined && { 'aria-label': label })}
      {...(pressed !== undefined && { 'aria-pressed': pressed })}
      onPointerDown={event => event.preventDefault()}
      onClick={onPress}
      className={cx(
        'flex h-11 min-w-9 flex-1 items-center justify-center px-1 text-meta font-medium',
        pressed ? 'bg-selected text-text' : 'text-text2',
      )}
    >
      {icon ?? label}
    </button>
  )
}
