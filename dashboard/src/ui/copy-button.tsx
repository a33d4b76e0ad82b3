import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { Button, IconButton } from './button.tsx'

/**
 * The clipboard API exists only on secure pages (TLS, localhost). Elsewhere the text is selected, so that the user can
 * copy it with the keyboard.
 */
export async function copyText(text: string, element?: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    if (element) getSelection()?.selectAllChildren(element)
    return false
  }
}

export function CopyButton({
  text,
  label = 'Copy',
  compact = false,
}: {
  text: string
  label?: string
  compact?: boolean
}) {
  const [copied, setCopied] = useState(false)
  const copy = async (event: React.MouseEvent<HTMLElement>) => {
    const block = event.currentTarget.closest('[data-copy-block]')
    if (!(await copyText(text, block?.querySelector<HTMLElement>('code, pre')))) return
    setCopied(true)
    setTimeout(() => setCopied(false), 1500)
  }
  const icon = copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />
  if (compact) {
    return (
      <IconButton label={copied ? 'Copied' : label} onClick={copy}>
        {icon}
      </IconButton>
    )
  }
  return (
    <Button icon={icon} onClick={copy}>
      {copied ? 'Copied' : label}
    </Button>
  )
}

/** A command or a secret to copy. */
export function CodeLine({ text, label = 'Copy' }: { text: string; label?: string }) {
  return (
    <div
      data-copy-block
      className="flex w-full items-center gap-2 rounded-control border border-line bg-page py-1 pr-1 pl-3 text-left"
    >
      <code className="min-w-0 flex-1 overflow-x-auto font-mono text-code whitespace-pre">{text}</code>
      <CopyButton text={text} label={label} compact />
    </div>
  )
}
