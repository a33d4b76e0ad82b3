import { useNavigate } from '@tanstack/react-router'
import { Button } from '../../ui/button.tsx'
import { Empty } from '../../ui/states.tsx'
import { ConnectForm } from './connect-form.tsx'
import { openDialog } from './fleet-dialogs.ts'

export function NoHits() {
  const navigate = useNavigate()
  return (
    <Empty title="No agent matches">
      <Button onClick={() => void navigate({ to: '/', search: {} })}>Clear filter</Button>
    </Empty>
  )
}

export function NoAgents() {
  return (
    <Empty title="No agents yet" className="h-full">
      <p>Connect one: it appears here as soon as it is online.</p>
      <div className="w-[min(560px,calc(100vw-48px))] rounded-card border border-line bg-card p-4">
        <ConnectForm onMade={made => openDialog({ type: 'connect', made })} />
      </div>
    </Empty>
  )
}
