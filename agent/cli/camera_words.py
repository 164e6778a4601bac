"""Why a camera is lost, as hw.cameras and the recorder write it down -> the same in Chinese, {} for what stands there.

In front may stand the camera's address or command, "{}: ". The first that fits counts: the longer stands first.
"""

from __future__ import annotations

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    # the network, and files
    "connection refused": "连接被拒绝：地址和端口是否正确，摄像机是否已启动？",
    "no route to host": "无法到达该地址：摄像机是否通电，网线是否接好？",
    "network is unreachable": "网络不通",
    "name or service not known": "主机名无法解析：地址是否写对？",
    "temporary failure in name resolution": "暂时无法解析主机名：域名服务器没有回应",
    "connection reset by peer": "摄像机中断了连接",
    "connection timed out": "连接超时",
    "broken pipe": "连接已断开",
    "input/output error": "输入/输出错误",
    "no such file or directory": "没有这个文件或设备",
    "no such device": "没有这个设备",
    "permission denied": "没有权限",
    "device or resource busy": "设备正被占用",
    "invalid argument": "参数无效：设备不支持所要的格式、尺寸或帧率",
    "inappropriate ioctl for device": "该设备不是摄像机",
    # streams
    "nothing came for {} s ({})": "{} 秒内没有任何数据（{}）",
    "nothing came for {} s": "{} 秒内没有任何数据",
    "no picture came for {} s, though other data did": "{} 秒内没有画面，但有其他数据",
    "no picture came for {} s": "{} 秒内没有画面",
    "refused user or password (401): see secrets.toml": "用户名或密码被拒绝（401）：见 secrets.toml",
    "access forbidden (403): see secrets.toml": "禁止访问（403）：见 secrets.toml",
    "has no such stream (404)": "没有这路码流（404）：路径是否写对？",
    "refused the request (4xx)": "摄像机拒绝了请求（4xx）",
    "has an error of its own (5xx)": "摄像机自身出错（5xx）",
    "sends what FFmpeg cannot read": "FFmpeg 无法读懂收到的数据",
    "the camera closed the connection": "摄像机关闭了连接",
    "sends no picture format (no keyframe within 10 s?)": "没有给出画面格式（10 秒内没有关键帧？）",
    "sends a keyframe that cannot be read ({})": "关键帧无法解读（{}）",
    "has no video that this FFmpeg knows": "没有 FFmpeg 认识的视频",
    "cannot be opened ({})": "无法打开（{}）",
    "cannot be opened": "无法打开",
    # what the recorder makes of it
    "the sub stream is away, nothing looks at the pictures: {}": "子码流中断，画面未检查：{}",
    "no keyframe for {} s": "{} 秒内没有关键帧",
    "there is no picture in it": "其中没有画面",
    "its codec {} cannot be kept in MP4: set it to H.264 or H.265": "编码 {} 无法存入 MP4：请设为 H.264 或 H.265",
    "sends what cannot be kept ({})": "收到的数据无法保存（{}）",
    "its last second is lost ({})": "最后一秒丢失（{}）",
    # commands
    "cannot be started ({})": "无法启动（{}）",
    "it ended with exit code {}: {}": "命令已结束，退出码 {}：{}",
    "it ended with exit code {}": "命令已结束，退出码 {}",
    "it ended by signal {}: {}": "命令被信号 {} 终止：{}",
    "it ended by signal {}": "命令被信号 {} 终止",
    "it ended: {}": "命令已结束：{}",
    "it ended": "命令已结束",
    "process {} cannot be ended, it hangs in the kernel: restart the board": "进程 {} 卡在内核中，无法结束：请重启本板",
    # USB and ribbon
    "is no camera, or has no format that is known here": "不是摄像机，或没有可用的格式",
    "encodes by itself, so no mask can be painted: {}": "自行编码，无法绘制隐私遮盖：{}",
    "cannot be encoded as H.264 of {}x{} ({})": "无法编码为 {}x{} 的 H.264（{}）",
    "test card: this FFmpeg cannot encode H.264 (libx264 is missing)": "FFmpeg 不能编码 H.264（缺 libx264）",
    "picamera2's process is gone ({})": "picamera2 的进程已退出（{}）",
    "picamera2's process is gone": "picamera2 的进程已退出",
    "its process sends what makes no sense": "picamera2 的进程送来的数据无法理解",
    "picamera2: no camera {}: is its cable in, and is it in rpicam-hello --list-cameras?": (
        "picamera2：没有摄像机 {}：排线是否插好，rpicam-hello --list-cameras 是否列出？"
    ),
    "picamera2: {} is not there: apt install --no-install-recommends python3-picamera2": (
        "picamera2：缺少 {}：apt install --no-install-recommends python3-picamera2"
    ),
    "picamera2: a mask cannot be painted: {}": "picamera2：无法绘制隐私遮盖：{}",
    "picamera2: {} did not return within {} s": "picamera2：{} 在 {} 秒内没有返回",
}
