import { useNavigate } from '@tanstack/react-router'
import { Button } from '../../ui/button.tsx'
import { Empty } from '../../ui/states.tsx'

export function NoHits() {
  const navigate = useNavigate()
  return (
    <Empty title="No agent matches">
      <Button onClick={() => void navigate({ to: '/', search: {} })}>Clear filter</Button>
    </Empty>
  )
}

export function NoAgents() {
  return <Empty title="No agents yet">Connect one: it appears here as soon as it is online.</Empty>
}
