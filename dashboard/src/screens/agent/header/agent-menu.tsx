import { useAction, useConnection, useFleetwireRest } from '@fleetwire/react'
import { useRouter } from '@tanstack/react-router'
import { Copy, EllipsisVertical, Trash2, Unplug } from 'lucide-react'
import { useState } from 'react'
import { toast } from '../../../app/toasts.ts'
import { Button, IconButton } from '../../../ui/button.tsx'
import { copyText } from '../../../ui/copy-button.tsx'
import { Dialog } from '../../../ui/dialog.tsx'
import { Menu, type MenuItem } from '../../../ui/menu.tsx'

type Doing = 'disconnect' | 'remove'

const words: Record<Doing, { title(name: string): string; text: string; button: string; done(name: string): string }> =
  {
    disconnect: {
      title: name => `Disconnect ${name}?`,
      text: 'Its connection is closed. Running commands continue until their lease ends, and a live agent reconnects by itself.',
      button: 'Disconnect',
      done: name => `${name} was disconnected`,
    },
    remove: {
      title: name => `Remove ${name}?`,
      text: 'It leaves the fleet, its queued commands are cancelled, and its running commands are abandoned. Its history is kept. If it connects again, it is a new agent.',
      button: 'Remove',
      done: name => `${name} was removed`,
    },
  }

/** Rare actions. Only administrators may disconnect and remove agents. */
export function AgentMenu({ agentId, name }: { agentId: string; name: string }) {
  const rest = useFleetwireRest()
  const router = useRouter()
  const { role } = useConnection()
  const [doing, setDoing] = useState<Doing>()
  const action = useAction(async (what: Doing) =>
    what === 'remove' ? rest.agents.remove(agentId) : rest.agents.disconnect(agentId),
  )
  const confirm = async (what: Doing) => {
    const result = await action.run(what)
    if (!result.ok) return
    setDoing(undefined)
    toast(words[what].done(name), { tone: 'ok' })
    if (what === 'remove') void router.navigate({ to: '/' })
  }
  const items: MenuItem[] = [
    { label: 'Copy id', icon: <Copy size={14} aria-hidden />, onSelect: () => void copyText(agentId) },
    ...(role === 'admin'
      ? [
          { label: 'Disconnect', icon: <Unplug size={14} aria-hidden />, onSelect: () => setDoing('disconnect') },
          { label: 'Remove', icon: <Trash2 size={14} aria-hidden />, danger: true, onSelect: () => setDoing('remove') },
        ]
      : []),
  ]
  const shown = doing ?? 'disconnect'
  return (
    <>
      <Menu
        trigger={
          <IconButton label="More actions">
            <EllipsisVertical size={16} aria-hidden />
          </IconButton>
        }
        items={items}
      />
      <Dialog
        open={doing !== undefined}
        onOpenChange={() => setDoing(undefined)}
        title={words[shown].title(name)}
        description={words[shown].text}
        footer={
          <>
            {action.error !== undefined && <span className="mr-auto text-meta text-bad">{action.error.message}</span>}
            <Button onClick={() => setDoing(undefined)}>Cancel</Button>
            <Button look="danger" disabled={action.pending} onClick={() => void confirm(shown)}>
              {words[shown].button}
            </Button>
          </>
        }
      />
    </>
  )
}
