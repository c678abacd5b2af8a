import { assert, describe, it } from "@effect/vitest"
import { containerMemory } from "../../../../src/services/Memory/heap/ContainerMemory.ts"

const MiB = 1024 * 1024
const machine = 16 * 1024 * MiB

const over = (files: Readonly<Record<string, string>>) => containerMemory(machine, (file) => files[file])

describe("the memory of a container", () => {
  it("is that of its group in version 2, file pages that can be had back left out", () => {
    const found = over({
      "/proc/self/cgroup": "0::/kubepods/pod1/main\n",
      "/sys/fs/cgroup/kubepods/pod1/main/memory.max": `${512 * MiB}\n`,
      "/sys/fs/cgroup/kubepods/pod1/main/memory.current": `${400 * MiB}\n`,
      "/sys/fs/cgroup/kubepods/pod1/main/memory.stat": `anon ${200 * MiB}\ninactive_file ${150 * MiB}\nactive_file 1\n`
    })
    assert.deepStrictEqual([found?.version, found?.limitBytes, found?.usedBytes()], [2, 512 * MiB, 250 * MiB])
  })

  it("is that of its group in version 1", () => {
    const found = over({
      "/proc/self/cgroup": "9:name=systemd:/\n4:memory:/docker/abc\n1:cpu,cpuacct:/\n0::/\n",
      "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": `${256 * MiB}\n`,
      "/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes": `${100 * MiB}\n`,
      "/sys/fs/cgroup/memory/docker/abc/memory.stat": `inactive_file 7\ntotal_inactive_file ${30 * MiB}\n`
    })
    assert.deepStrictEqual([found?.version, found?.limitBytes, found?.usedBytes()], [1, 256 * MiB, 70 * MiB])
  })

  it("is found at the mount's root, where a container sees its own group", () => {
    const found = over({
      "/proc/self/cgroup": "0::/../outside\n",
      "/sys/fs/cgroup/memory.max": `${128 * MiB}`,
      "/sys/fs/cgroup/memory.current": "1000"
    })
    assert.deepStrictEqual([found?.limitBytes, found?.usedBytes()], [128 * MiB, 1000])
  })

  it("is that of the tightest group above it", () => {
    const found = over({
      "/proc/self/cgroup": "0::/slice/service\n",
      "/sys/fs/cgroup/slice/service/memory.max": "max\n",
      "/sys/fs/cgroup/slice/memory.max": `${300 * MiB}\n`,
      "/sys/fs/cgroup/slice/memory.current": "5"
    })
    assert.deepStrictEqual([found?.limitBytes, found?.usedBytes()], [300 * MiB, 5])
  })

  it("is none without a limit below the machine's memory, or without control groups", () => {
    assert.strictEqual(over({}), undefined)
    assert.strictEqual(over({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max" }), undefined)
    assert.strictEqual(
      over({
        "/proc/self/cgroup": "4:memory:/\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"
      }),
      undefined
    )
  })
})
