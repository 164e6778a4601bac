"""The names of alarms, and why the panel refuses, in Chinese. In English both are read as they are recorded."""

from __future__ import annotations

from agent.cli.reasons import patterns, said

# Kind of the event that is an alarm -> what it is called; also of kinds that only some sites make alarms of.
NAMES: dict[str, str] = {
    "pump.fail_to_start": "消防泵启动失败",
    "pump.stopped_on_demand": "需水时消防泵停机",
    "pump.unexpected_run": "消防泵无原因运行",
    "pump.running": "消防泵运行",
    "pump.demand": "消防泵启动信号",
    "pump.not_in_auto": "消防泵不在自动位",
    "pump.overrun": "启动信号消失后泵运行过久",
    "pump.ran_without_demand": "消防泵无启动信号运行过",
    "pump.power_lost": "消防泵电源丢失",
    "pump.phase_loss": "消防泵电源缺相",
    "pump.phase_reversal": "消防泵电源错相",
    "pump.alternate_source": "消防泵由备用电源供电",
    "pump.low_suction": "吸水压力低",
    "pump.tank_low": "消防水池水位低",
    "pump.tank_high": "消防水池水位高",
    "pump.valve_closed": "阀门关闭",
    "pump.trouble": "消防泵控制柜故障",
    "pump.contradiction_power": "信号矛盾：无电源却在运行",
    "pump.contradiction_demand": "信号矛盾：压力正常却有启动信号",
    "pump.contradiction_tank": "信号矛盾：水位又高又低",
    "pump.reminder": "消防泵异常仍未恢复",
    "pump.main_short_cycle": "主泵启动过于频繁",
    "pump.jockey_short_cycle": "稳压泵启动过于频繁",
    "pump.jockey_frequent": "稳压泵启动次数偏多",
    "pump.jockey_long_run": "稳压泵连续运行过久",
    "pump.test_too_short": "消防泵试验时间过短",
    "pump.test_not_auto_started": "试验时消防泵未自动启动",
    "pump.weekly_test_due": "每周试验即将到期",
    "pump.weekly_test_missed": "每周试验未做",
    "pump.monthly_test_missed": "每月手动试验未做",
    "pump.patrol_fault": "巡检异常",
    "pump.patrol_missed": "巡检未做",
    "pump.demand_while_impaired": "停用期间有启动信号",
    "point.changed": "触点动作",
    "point.fault": "线路故障",
    "point.stuck": "触点长时间不复位",
    "point.chattering": "触点抖动",
    "analog.fault": "测量值故障",
    "analog.low": "测量值过低",
    "analog.high": "测量值过高",
    "door.opened": "门被打开",
    "door.forced": "强行闯入",
    "door.held_open": "门未关",
    "door.open_at_arming": "布防时门未关",
    "entry.unregistered": "未登记进入",
    "tamper.opened": "设备箱被打开",
    "smoke.detected": "烟雾报警",
    "flood.detected": "漏水报警",
    "temperature.high": "温度过高",
    "temperature.low": "温度过低",
    "humidity.high": "湿度过高",
    "humidity.low": "湿度过低",
    "relay.failed": "继电器输出失败",
    "relay.readback_failed": "继电器回读不符",
    "trouble.raised": "设备故障",
    "journal.rows_lost": "有记录丢失",
    "camera.lost": "摄像机断线",
    "camera.black": "画面全黑",
    "camera.over_exposed": "画面过曝",
    "camera.covered": "镜头被遮挡",
    "camera.frozen": "画面冻结",
    "camera.blurred": "画面模糊",
    "camera.moved": "摄像机被移动",
    "camera.unmasked": "隐私遮盖失效",
    "camera.slow": "帧率过低",
    "camera.thin": "码率过低",
    "camera.wrong_time": "摄像机时间不准",
    "footage.stopped": "停止录像",
    "link.down": "上报中断",
    "incident.declared": "重大事件",
}

# The panel's reasons, as it records them: text, with {} for what stands there -> the same in Chinese.
REASONS: dict[str, str] = {
    "there is no such alarm": "没有该报警",
    "there is no alarm": "没有报警",
    "neither acknowledged nor restored": "既未确认，也未恢复",
    "not acknowledged": "尚未确认",
    "its condition still stands": "原因尚未消除",
    "acknowledged already": "已经确认过",
    "silenced already": "已经消音",
    "there is no such door": "没有该门",
    "armed already": "已经布防",
    "disarmed already": "已经撤防",
    "there is no camera {}": "没有摄像机 {}",
    "there is no {} here": "此处没有 {}",
    "there is no {} that stands": "没有有效的 {}",
    "that is in the future": "该时间在未来",
    "it began more than {} hours ago": "开始时间早于 {} 小时之前",
    "there is no open incident {}; open: {}": "没有未结束的事件 {}；未结束：{}",
    "its end is not after its beginning": "结束时间不晚于开始时间",
    "it lasts {} hours at most": "最长 {} 小时",
    "too many permits stand already": "有效的许可已过多",
    "that takes the signature of {}": "此项需要 {} 签名",
    "there is no walk test": "没有正在进行的步行测试",
    "{} has started a walk test already": "{} 已开始步行测试",
    "alarms not acknowledged: {}; see to them first (standpipe alarm ack), the sounders would be quiet": (
        "尚有 {} 条报警未确认：测试期间声响静音，请先处理（standpipe alarm ack）"
    ),
    "a walk test takes 1 to {} minutes": "步行测试时长为 1 至 {} 分钟",
    "{} is being tested already": "{} 正在测试",
    "too many relays are being tested": "正在测试的继电器过多",
    "a pulse takes {} to {} ms": "脉冲时长为 {} 至 {} 毫秒",
    "there is no relay {}": "没有继电器 {}",
    "{} starts a pump: it is tested by a technician's signed test start (standpipe command start)": (
        "{} 用于启动消防泵：由技术员签名试启动来测试（standpipe command start）"
    ),
    "{} is being driven just now: that is no time to test it": "{} 正在动作，此时不能测试",
    "the read-back of {} contradicts it already: see to its wiring first": "{} 的回读已经不符：请先检查接线",
    "{} does not run without cause: there is nothing to explain": "{} 并非无原因运行，无须说明",
    "{} has no open test window": "{} 没有打开的试验时段",
    "it was made before the board started": "该请求早于本板启动",
    "it is older than {} s": "该请求已超过 {} 秒",
}
_PATTERNS = patterns(REASONS)


def named(id_: str, language: str) -> str:
    """What an alarm is called, by its id or its kind; "" where its id says it."""
    return NAMES.get(id_.partition(":")[0], "") if language == "zh-CN" else ""


def reason(text: str, language: str) -> str:
    """The panel's reason in the language of the site; as it was recorded if nobody has translated it."""
    return said(_PATTERNS, text, language)
