"""What technicians read in `check`, `status` and `alarm`, in English and Chinese. One table: id -> (en, zh-CN)."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # check
    "check-good": (
        "{file}: good (points {points}, pumps {pumps}, relays {relays}, cameras {cameras}, rules {rules}, {uplink})",
        "{file}：正确：{points} 个点、{pumps} 台泵、{relays} 个继电器、{cameras} 台摄像机、{rules} 条规则，{uplink}",
    ),
    "check-uplink": ("uplink to {broker}", "上报至 {broker}"),
    "check-no-uplink": ("no uplink", "无上报"),
    "check-bad": ("{errors} to correct, {warnings} to look at", "需改正 {errors} 处，请留意 {warnings} 处"),
    "error": ("error", "错误"),
    "warning": ("warning", "警告"),
    "secrets-unknown": (
        "[{name}] is neither a camera of the site file nor uplink{near}",
        "[{name}] 既不是站点文件中的摄像机，也不是 uplink{near}",
    ),
    "near": (', did you mean "{near}"?', "，是否想写“{near}”？"),
    "file-missing": ("{key}: there is no file {path}", "{key}：没有文件 {path}"),
    # status: headings and states
    "processes": ("processes", "进程"),
    "points": ("points", "点"),
    "relays": ("relays", "继电器"),
    "pumps": ("fire pumps", "消防泵"),
    "starts": ("remote start", "远程启动"),
    "start-idle": ("at rest", "待命"),
    "start-armed": ("ARMED", "已预备"),
    "start-challenged": ("CONFIRMED", "已确认"),
    "start-pulsing": ("START PULSE", "正在发启动脉冲"),
    "start-locked": ("locked out after a pulse", "脉冲后闭锁"),
    "start-spent": ("ATTEMPTS USED UP", "尝试次数已用尽"),
    "armed-doors": ("armed doors", "已布防的门"),
    "permits": ("visits, impairments, drills, tests", "来访、停用、演练、测试"),
    "permit-visit": ("visit", "来访"),
    "permit-impairment": ("OUT OF ORDER BY PERMIT", "按许可停用"),
    "permit-drill": ("DRILL", "演练"),
    "permit-walk_test": ("WALK TEST: sounders are quiet", "步行测试：声响静音"),
    "test-window": ("TEST WINDOW, {s} left: sounders quiet", "试验时段，剩余 {s}：声响静音"),
    "left": ("{s} left", "剩余 {s}"),
    "alarms": ("open alarms", "未复位的报警"),
    "cameras": ("cameras", "摄像机"),
    "uplink": ("uplink", "上报"),
    "disk": ("disk", "磁盘"),
    "journal": ("journal", "日志"),
    "none": ("none", "无"),
    "runs": ("runs", "运行"),
    "stuck": ("does not answer", "无响应"),
    "dead": ("not running", "未运行"),
    "seen": ("seen {age} ago", "{age} 前有响应"),
    "closed": ("closed", "闭合"),
    "open": ("open", "断开"),
    "door-closed": ("shut", "关闭"),
    "door-open": ("open", "打开"),
    "energised": ("energised", "吸合"),
    "released": ("released", "释放"),
    "unknown": ("not known", "未知"),
    "chattering": ("chatters: check its wiring", "抖动：请检查接线"),
    "analogs": ("measured values", "测量值"),
    "analog-normal": ("normal", "正常"),
    "analog-low": ("LOW", "低"),
    "analog-high": ("HIGH", "高"),
    "analog-below": ("FAULT: below 3.6 mA", "故障：低于 3.6 mA"),
    "analog-above": ("FAULT: above 21 mA", "故障：高于 21 mA"),
    "analog-stuck": ("FAULT: does not change", "故障：数值不变"),
    "fault-open": ("WIRE BROKEN", "线路断开"),
    "fault-short": ("WIRE SHORTED", "线路短路"),
    "fault-leak": ("LOOP LEAKS: ground fault, crossed pair or wrong resistor", "线路异常：接地、线对交叉或电阻不符"),
    "fault-unsteady": ("LOOP UNSTEADY: check its wiring", "线路不稳：请检查接线"),
    "pump-unknown": ("NOT KNOWN: a vital wire is broken, or just started", "未知：关键线路故障或刚刚启动"),
    "pump-ready": ("ready", "就绪"),
    "pump-not_ready": ("NOT READY", "未就绪"),
    "pump-impaired": ("out of order by permit", "按许可停用"),
    "pump-starting": ("starting", "正在启动"),
    "pump-fail_to_start": ("FAILED TO START", "启动失败"),
    "pump-run_demand": ("running on demand", "按需运行"),
    "pump-stopped_on_demand": ("STOPPED ON DEMAND", "需水时停机"),
    "pump-run_post": ("running on, demand is over", "启动信号消失后仍在运行"),
    "pump-run_test": ("running as a test", "试验运行"),
    "pump-run_patrol": ("on patrol, at low speed", "低速巡检"),
    "pump-run_unexplained": ("RUNNING WITHOUT CAUSE", "无原因运行"),
    "pump-silent": (
        "{pump}: no answer; is the panel running (standpipe status)?",
        "{pump}：无应答；控制进程是否在运行（standpipe status）？",
    ),
    "selector-in_auto": ("in auto", "自动"),
    "selector-left": ("not in auto", "非自动"),
    "selector-not_in_auto": ("NOT IN AUTO", "非自动"),
    "connecting": ("connecting", "正在连接"),
    "recording": ("recording", "录像中"),
    "lost": ("lost", "断线"),
    "stopped": ("not recording", "停止录像"),
    "link-connected": ("connected", "已连接"),
    "link-starting": ("starting", "正在启动"),
    "link-dead": ("not running", "未运行"),
    "link-no-collector": ("connected, but no collector answers", "已连接，但收集端无应答"),
    "link-refused": ("refused by the broker", "被服务器拒绝"),
    "link-quota": ("the broker's quota is used up", "服务器配额已用完"),
    "link-unreachable": ("broker not reachable", "无法连接服务器"),
    "clips": ("clips", "录像片段"),
    "clips-wait": ("{clips} wait", "{clips} 个待上传"),
    "link-measured": ("measured", "实测"),
    "last-refusal": ("refused last", "最近一次被拒"),
    "link-captive-portal": ("a login page answers in the broker's place", "被网络登录页面拦截"),
    "link-dns-failed": ("name of the broker not found", "找不到服务器名称"),
    "link-tls-failed": ("TLS with the broker failed", "与服务器的 TLS 连接失败"),
    "link-cert-unknown": ("certificate of the broker: unknown authority", "服务器证书：签发机构未知"),
    "link-cert-expired": (
        "certificate of the broker: expired, or our clock is wrong",
        "服务器证书：已过期或本机时钟有误",
    ),
    "link-cert-not-yet-valid": (
        "certificate of the broker: not valid yet: is our clock set?",
        "服务器证书：尚未生效，请检查本机时钟",
    ),
    "link-cert-name": ("certificate of the broker: another name", "服务器证书：名称不符"),
    "link-own-cert-expired": ("our certificate has expired", "本板证书已过期"),
    "link-own-cert-refused": ("the broker does not take our certificate", "服务器不接受本板证书"),
    "link-taken-over": ("another board uses our name", "另一块板使用了相同名称"),
    "link-closed": ("closed by the broker", "被服务器断开"),
    "off": ("not configured", "未配置"),
    "lane-alarm": ("alarm lane", "报警通道"),
    "lane-status": ("status lane", "状态通道"),
    "queue": ("{rows} rows waiting", "待发 {rows} 条"),
    "oldest": (", oldest {age} old", "，最早的已等待 {age}"),
    "free": ("{free} free of {total}", "剩余 {free}，共 {total}"),
    "head": ("row {seq}, epoch {epoch}", "第 {seq} 条，纪元 {epoch}"),
    "no-journal": ("none yet", "尚无"),
    "config-bad": (
        "{problems} mistakes in {file}: standpipe check",
        "{file} 有 {problems} 处错误：请运行 standpipe check",
    ),
    "since": ("since {time}", "自 {time}"),
    # alarms
    "class-alarm": ("alarm", "报警"),
    "class-supervisory": ("supervisory", "监管"),
    "class-trouble": ("trouble", "故障"),
    "class-status": ("status", "状态"),
    "unacknowledged": ("not acknowledged", "未确认"),
    "acknowledged": ("acknowledged", "已确认"),
    "silenced": ("silenced", "已消音"),
    "restored": ("condition gone", "已恢复"),
    "is-first": ("came first", "首个报警"),
    "is-drill": ("drill", "演练"),
    "no-alarms": ("no open alarms", "没有未复位的报警"),
    "which-alarm": (
        "say which alarm, or --all; open: {open}",
        "请指定报警或使用 --all；当前：{open}",
    ),
    "unknown-alarm": ("there is no open alarm {id}{near}; open: {open}", "没有报警 {id}{near}；当前：{open}"),
    "did-acknowledge": ("{id}: acknowledged by {by}", "{id}：已由 {by} 确认"),
    "did-silence": ("{id}: silenced by {by}", "{id}：已由 {by} 消音"),
    "did-reset": ("{id}: reset by {by}", "{id}：已由 {by} 复位"),
    "refused": ("{id}: the panel refused: {reason}", "{id}：控制程序拒绝：{reason}"),
    "no-answer": (
        "{id}: the panel has not answered within {s} s: does it run? (standpipe status) "
        "Starting within a minute it still does as asked, later it refuses",
        "{id}：控制程序 {s} 秒内无响应：是否在运行？（standpipe status）若在请求后一分钟内启动仍会执行，否则拒绝",
    ),
}

TEXTS |= {
    # keys
    "key-passphrase": ("passphrase for {file}, at least 8 characters: ", "{file} 的口令（至少 8 个字符）："),
    "key-again": ("once more: ", "再输入一次："),
    "key-paste": (
        "{file}: keep it to yourself, and this in site.toml of every board that is to believe you:\n",
        "{file}：请自行妥善保管；并将以下内容写入每块需要认可您签名的板的 site.toml：\n",
    ),
    "key-rotate": (
        "{file}: the new key. In site.toml of every board these two lines instead of key: both are believed, until "
        "old_key is taken out once {old} is no longer used:\n",
        "{file}：新密钥。请在各板 site.toml 中用以下两行替换 key：两把密钥都有效，{old} 停用后请删去 old_key：\n",
    ),
    "key-old": ("old key", "旧密钥"),
    "key-nobody": ("nobody: site.toml has no [[person]]", "无：site.toml 中没有 [[person]]"),
    # retention and hold
    "nothing-goes": ("nothing expires: {why}", "没有录像到期删除：{why}"),
    "none-due": ("nothing is due", "没有到期的录像"),
    "delete-not-now": ("as it stands none of it would go: {why}", "按目前情况不会删除：{why}"),
    "files": ("{files} files, {size}", "{files} 个文件，{size}"),
    "why-ceiling": ("older than keep_at_most", "超过最长保存期 keep_at_most"),
    "why-room": ("older than keep, and the disk needs room", "超过保存期 keep，且磁盘需要空间"),
    "why-forced": ("BEFORE ITS TIME: the disk is full", "未到保存期：磁盘已满，强制覆盖"),
    "held": ("hold {hold} keeps {files} files past their time", "留存 {hold} 保护 {files} 个已到期的文件"),
    "more-later": ("and more, with the next pass", "其余在下一次执行时处理"),
    "room": ("{free} free; footage goes for room below {wanted}", "剩余 {free}；低于 {wanted} 时删除到期录像"),
    "risk": (
        "{camera}: room for {days} days of the {wanted} that keep asks for",
        "{camera}：现有空间只够 {days} 天，保存期要求 {wanted} 天",
    ),
    "clips-go": ("{clips} clips would go, {size}", "将删除 {clips} 个片段，{size}"),
    "clips-none": ("no clips would go", "没有要删除的片段"),
    "rows-go": (
        "journal: {rows} rows up to {time} would go, {kept} of them are written again",
        "日志：将删除截至 {time} 的 {rows} 条，其中 {kept} 条重新写入保存",
    ),
    "rows-stay": ("journal: no rows go: {why}", "日志：不删除任何记录：{why}"),
    "to-before-from": ("--to is not after --from", "--to 不晚于 --from"),
    "unknown-person": (
        "there is no [[person]] {by} in the site file; known: {known}",
        "站点文件中没有 [[person]] {by}；已有：{known}",
    ),
    "unknown-camera": ("there is no camera {camera}; known: {known}", "没有摄像机 {camera}；已有：{known}"),
    "unknown-hold": ("there is no hold {hold}; standing: {known}", "没有留存 {hold}；现有：{known}"),
    "asked-for": (
        "{request}: asked for; {roles} who did not ask signs it: standpipe approve {request} --key FILE",
        "{request}：已申请；须由申请人以外的{roles}签名：standpipe approve {request} --key FILE",
    ),
    "asked-unsigned": (
        "{request}: asked for, without a key; {roles} who did not ask signs it: standpipe approve {request} --key FILE",
        "{request}：已申请（未签名）；须由申请人以外的{roles}签名：standpipe approve {request} --key FILE",
    ),
    "ask-key": (
        "{what} takes two signatures, yours is the first: name your key with --key FILE (standpipe keys new)",
        "{what} 须两人签名，申请人先签：请用 --key FILE 指定您的密钥（standpipe keys new）",
    ),
    "not-your-key": ("{key} is {person}'s key, and --by says {by}", "{key} 是 {person} 的密钥，而 --by 为 {by}"),
    "key-unknown-here": (
        "{key}: this board does not know it as {person}'s: its public key belongs under [[person]] in the site file",
        "{key}：本板不认可此密钥属于 {person}：请将其公钥写入站点文件的 [[person]]",
    ),
    "unsigned": ("unsigned", "未签名"),
    "signed": ("signed", "已签名"),
    "role-supervisor": ("a supervisor", "主管领导"),
    "role-manager": ("the manager", "总经理"),
    "role-safety-office": ("the safety office", "安全办"),
    "no-holds": ("no holds", "没有留存"),
    "hold-asked": ("waits for its end", "等待录像结束"),
    "hold-placed": ("not yet copied", "尚未复制"),
    "hold-copied": ("copied", "已复制"),
    "hold-damaged": ("its copy is DAMAGED", "副本已损坏"),
    "hold-review": ("review by {day}", "复核日期 {day}"),
    "hold-done": (
        "{hold}: this footage may not go from now on; its copy is made within minutes (standpipe hold list)",
        "{hold}：这些录像从现在起不得删除；几分钟内复制到专用存储（standpipe hold list）",
    ),
    "hold-reviewed": ("{hold}: stands; look at it again by {day}", "{hold}：继续留存；下次复核日期 {day}"),
}


class Texts:
    """The sentences in one language ("en" or "zh-CN")."""

    def __init__(self, language: str, more: dict[str, tuple[str, str]] | None = None) -> None:
        """more: sentences that only some commands need."""
        self._table = {**TEXTS, **(more or {})}
        self.language = language
        self._column = 1 if language == "zh-CN" else 0

    def get(self, text: str, otherwise: str) -> str:
        """Sentence `text`, or `otherwise` where the table does not have it: words that come from elsewhere."""
        return self._table[text][self._column] if text in self._table else otherwise

    def __call__(self, text: str, /, **values: object) -> str:
        """Sentence `text` filled in. KeyError for one that is not in the table: a bug."""
        return self._table[text][self._column].format(**values)
