"""What people read in `export`, `verify` and `scrub`. id -> (en, zh-CN)."""

from __future__ import annotations

EXPORT_TEXTS: dict[str, tuple[str, str]] = {
    # export
    "writing": ("  {name}", "  {name}"),
    "export-unknown-grant": (
        "there is no grant {grant}: standpipe grant ask --copies, and a second person: standpipe approve",
        "没有调看许可 {grant}：先运行 standpipe grant ask --copies，再由第二人 standpipe approve",
    ),
    "officers": (
        "an authority sends two officers at least, with a letter: --officer twice or more, and --letter",
        "执法机关须有两名以上经办人并出具文书：请给出两个以上 --officer 和 --letter",
    ),
    "ahead": (
        "--ahead-ms says by how much the board's clock was ahead of something: --compared WITH-WHAT",
        "--ahead-ms 表示板的时钟比某标准快多少：请用 --compared 说明与何比对",
    ),
    "watermark-letters": (
        "--watermark: 1 to {most} of the letters A-Z, digits, spaces and - : .",
        "--watermark：1 到 {most} 个字符，限字母 A-Z、数字、空格和 - : .",
    ),
    "no-board-key": (
        "{data}: this board has no key yet, the uplink makes it at its first start: start it, or as its user "
        "(sudo -u standpipe-uplink): standpipe keys board",
        "{data}：本板尚无密钥，由上报进程首次启动时生成：请启动它，"
        "或以其用户（sudo -u standpipe-uplink）运行 standpipe keys board",
    ),
    "made": ("{path}: {size}, {files} files, export {export}", "{path}：{size}，{files} 个文件，编号 {export}"),
    "made-proven": (
        "  {proven} of {segments} originals proven by their seals; verified as it was written",
        "  {segments} 段原始录像中 {proven} 段可由封存记录证明；写成后已核验",
    ),
    "made-unproven": ("  not proven: {what}", "  无法证明：{what}"),
    "made-mark": (
        "  the copy with the watermark took {seconds} s of processor time",
        "  带水印的副本用去处理器时间 {seconds} 秒",
    ),
    "made-key": (
        "  to verify it anywhere: standpipe verify {name} --key FILE (this board's key: standpipe keys board)",
        "  在任何电脑上核验：standpipe verify {name} --key FILE（本板公钥：standpipe keys board）",
    ),
    # verify
    "verify-no-key": (
        "{text}: neither a public key (ed25519:...) nor a file with one: standpipe keys board says it",
        "{text}：既不是公钥（ed25519:...），也不是含有公钥的文件：用 standpipe keys board 查看",
    ),
    "verify-head": (
        "{export}, made {time} by {by}, {site}/{board}, for {receiver}",
        "{export}，{time} 由 {by} 制作，{site}/{board}，接收方 {receiver}",
    ),
    "verify-camera": (
        "  {camera}: {begin} - {end}, {segments} originals, {proven} of them under a seal",
        "  {camera}：{begin} - {end}，原始录像 {segments} 段，其中已封存 {proven} 段",
    ),
    "verify-good": (
        "GOOD: unchanged since it was made; {proven} of {segments} originals unchanged since they were sealed",
        "核验通过：自制作以来未被改动；{segments} 段原始录像中 {proven} 段自封存以来未被改动",
    ),
    "verify-unasked": (
        "  WHOSE it is was not checked: compare {key} with the board's own key, or give that with --key",
        "  未核验出处：请将 {key} 与该板的公钥比对，或用 --key 给出公钥",
    ),
    "verify-bad": ("NOT GOOD: {count} faults", "核验未通过：{count} 处不符"),
    "reading-bytes": ("  {done} of {total} read", "  已读取 {done}，共 {total}"),
    # scrub
    "scrub-reading": ("  {path}; {files} files, {size} so far", "  {path}；已读 {files} 个文件、{size}"),
    "scrub-round": (
        "{camera}: {done} of {files} read in the round since {time}, {rotten} damaged",
        "{camera}：自 {time} 起的一轮已读 {done} / {files} 个文件，{rotten} 个损坏",
    ),
    "scrub-resting": (
        "{camera}: {files} files, last round ended {time}, {rotten} damaged",
        "{camera}：{files} 个文件，上一轮于 {time} 完成，{rotten} 个损坏",
    ),
    "scrub-never": ("{camera}: {files} files, not read yet", "{camera}：{files} 个文件，尚未读取"),
    "scrub-done": (
        "{files} files, {size} read in {seconds} s: {rotten} damaged, {filled} without a hash got one",
        "{seconds} 秒内读取 {files} 个文件、{size}：{rotten} 个损坏，{filled} 个补上散列值",
    ),
    "scrub-rot": ("  {path}: {reason}", "  {path}：{reason}"),
    "rot-changed": ("changed", "内容被改变"),
    "rot-cut short": ("cut short", "被截短"),
    "rot-missing": ("missing", "文件缺失"),
    "rot-unreadable": ("unreadable", "无法读取"),
    "rot-not what was sealed": ("not what was sealed", "与封存记录不符"),
    "scrub-damaged": ("  damaged: {camera} {segments}", "  已损坏：{camera} 第 {segments} 段"),
    "scrub-more": ("  not through yet: the next pass goes on here", "  尚未读完：下一次从此处继续"),
    "scrub-nothing": ("no footage", "没有录像"),
}

# What verdict.py and verify.py call a fault or a note; more is what they add.
FAULT_TEXTS: dict[str, tuple[str, str]] = {
    "missing": ("missing", "缺失"),
    "unreadable": ("cannot be read: nothing that a package of ours says", "无法读取：不是本程序的文件包内容"),
    "shape": ("not as a manifest is: {more}", "清单格式不符：{more}"),
    "version": ("another format: {more}", "格式或版本不符：{more}"),
    "field-changed": ("changed since it was signed", "签名后被改动"),
    "field-added": ("added since it was signed", "签名后被加入"),
    "field-gone": ("taken out since it was signed", "签名后被删去"),
    "more-fields": ("and {more} more fields", "另有 {more} 个字段"),
    "rewritten": ("written anew since it was signed, though it says the same", "内容相同，但签名后被重新写过"),
    "signers": ("other signatures than the manifest names: {more}", "签名与清单所列不符：{more}"),
    "no-key": ("no public key: {more}", "公钥无效：{more}"),
    "forged": ("the signature of {more} does not fit", "{more} 的签名不符"),
    "other-key": ("signed with another key than the one given: {more}", "签名所用的密钥不是给定的公钥：{more}"),
    "name": ("a name that does not belong there: {more}", "名称不应在此：{more}"),
    "swapped": ("holds what belongs to {more}", "内容属于 {more}"),
    "changed": ("not what it was when the package was made", "内容与制作时不符"),
    "wrong": ("wrong: {more}", "有误：{more}"),
    "renamed": ("too many; it is {more} under another name", "多余；实为改名的 {more}"),
    "extra": ("does not belong to the package", "不属于本文件包"),
    "seal": ("no sealing row of a journal: {more}", "不是日志中的封存记录：{more}"),
    "not-sealed": ("not what was sealed: {more}", "与封存的不符：{more}"),
    "order": ("out of order: {more}", "顺序有误：{more}"),
    "time": ("its time is not right: {more}", "时间有误：{more}"),
    "dropped": ("sealed, and not in the package: segments {more}", "已封存而不在包内：第 {more} 段"),
    "untold-gap": ("footage is lacking without a word: {more}", "录像缺失而未说明：{more}"),
    "no-gap": ("says that footage is lacking where there is some: {more}", "称录像缺失而实际存在：{more}"),
    "no-file": ("no plain file", "不是普通文件"),
    "too-much": ("too much for a package: {more}", "超出文件包的限度：{more}"),
    "no-zip": ("not a whole zip as ours are {more}", "不是完整的 zip 文件包 {more}"),
    "packed": ("squeezed or encrypted: unpack the package and verify the folder", "已被压缩或加密：请解包后核验文件夹"),
    "twice": ("there twice", "重复出现"),
    "empty": ("without any picture", "没有任何画面"),
    "tells-other": ("says another of itself: {more}", "文件自身所记不同：{more}"),
    "other-format": ("not of the pictures of the originals", "画面格式与原始录像不同"),
    "no-clip": ("not a clip as ours are: {more}", "不是本程序的片段：{more}"),
    "not-those": ("not the pictures of the originals, from {more} on", "画面与原始录像不同，自 {more} 起"),
    "unproven": ("without a seal: {more}", "无封存证明：{more}"),
    "left-out": ("left out: segments {more}", "未含：第 {more}"),
    "gap": ("no footage: {more}", "没有录像：{more}"),
    "damaged": ("damaged when it was exported: {more}", "导出时已损坏：{more}"),
}
