// The page's words in English and Japanese, and numbers and times as people write them.

const WORDS = {
    title: ["What arrives in the dark", "ダークネット観測"],
    skip: ["Skip to the numbers", "本文へ移動"],
    sensors: ["Sensors", "センサー"],
    allSensors: ["All sensors, merged", "全センサー(統合)"],
    nSensors: ["{0} sensors, merged", "{0} センサー(統合)"],
    time: ["Time", "期間"],
    view: ["View", "表示"],
    all: ["All scans", "すべてのスキャン"],
    iot: ["IoT scans", "IoT 機器からのスキャン"],
    allPackets: ["All packets", "全パケット"],
    viewAll: ["All", "すべて"],
    viewIot: ["IoT", "IoT"],
    language: ["日本語", "English"],
    theme: ["Light or dark", "明るさ切替"],
    overview: ["Overview", "概要"],
    atlas: ["Atlas", "アトラス"],
    series: ["Time series", "時系列"],
    tables: ["Tables", "一覧"],
    now: ["Packets a second", "パケット/秒"],
    nowNote: ["newest minute, {0}", "最新の 1 分間 {0}"],
    total: ["Packets", "パケット数"],
    totalNote: ["{0} a day", "1 日あたり {0}"],
    share: ["IoT share", "IoT の割合"],
    shareNote: ["of {0} scan packets", "スキャン {0} パケット中"],
    sources: ["Sources", "送信元"],
    sourcesNote: ["IoT {0} · UTC days touched: {1}", "IoT {0} · UTC {1} 日分"],
    sourcesNoteIot: ["UTC days touched: {0}", "UTC {0} 日分"],
    classes: ["Classes", "分類"],
    scan: ["scan", "スキャン"],
    backscatter: ["backscatter", "バックスキャッタ"],
    class_other: ["other", "その他"],
    other: ["other", "その他"],
    tools: ["Tools", "ツール"],
    noTools: ["No signature matched.", "一致するシグネチャはありません。"],
    losses: ["Losses", "損失"],
    dropped: ["dropped by the kernel or interface", "カーネル・インターフェースで損失"],
    late: ["late, in totals alone", "遅着(合計のみ)"],
    not_counted: ["frames that are no packet", "対象外フレーム"],
    freshness: ["Freshness", "データの鮮度"],
    live: ["live, {0} ago", "稼働中・{0}前"],
    silent: ["silent for {0}", "{0} 更新なし"],
    ended: ["ended {0} ago", "{0}前に終了"],
    replay: ["archive, to {0}", "アーカイブ・{0} まで"],
    stale: ["Redis is away: numbers are {0} old", "Redis に接続できません:{0}前の値です"],
    away: ["No answer from the server", "サーバーから応答がありません"],
    back: ["Connected", "接続中"],
    days: ["By day", "日別"],
    day: ["Day (UTC)", "日 (UTC)"],
    packets: ["Packets", "パケット"],
    scans: ["Scans", "スキャン"],
    iotPackets: ["IoT", "IoT"],
    iotSources: ["IoT sources", "IoT 送信元"],
    perSecond: ["packets a second", "パケット/秒"],
    pause: ["Pause", "一時停止"],
    resume: ["Resume", "再開"],
    picture: ["SVG", "SVG"],
    pictureOf: ["Download {0} as SVG", "{0} を SVG で保存"],
    csvOf: ["Download {0} as CSV", "{0} を CSV で保存"],
    mapNote: ["A country is coloured by its packets in the window, on one scale for both maps. A spot is one sampled packet at its source, by type.", "国の色は期間内のパケット数(両図で共通の尺度)。点は標本パケット 1 個の送信元で、色は種類。"],
    looped: ["an archive: its newest sample, again and again", "アーカイブ:最新の標本を繰り返し表示"],
    sampled: ["as they arrive, at most 50 a second of a sensor", "到着順(センサーごとに毎秒最大 50)"],
    noPlaces: ["No places: the sensors have no geo database (--geo).", "位置情報がありません(センサーに --geo が必要)。"],
    paused: ["paused", "停止中"],
    unplaced: ["{0} without a place", "位置不明 {0}"],
    only: ["Only {0}", "{0} のみ"],
    newest: ["Newest packets of the sample", "最新の標本パケット"],
    icmp: ["ICMP", "ICMP"],
    tcp: ["TCP scan", "TCP スキャン"],
    udp: ["UDP scan", "UDP スキャン"],
    zoomIn: ["Zoom in", "拡大"],
    zoomOut: ["Zoom out", "縮小"],
    earlier: ["Earlier", "前へ"],
    later: ["Later", "次へ"],
    reset: ["Last 24 hours", "直近 24 時間"],
    chart: ["Show", "表示項目"],
    c_scans: ["Scans", "スキャン"],
    c_classes: ["Classes", "分類"],
    c_protocols: ["Protocols", "プロトコル"],
    c_tools: ["Tools", "ツール"],
    c_sources: ["Sources and ports", "送信元とポート"],
    c_losses: ["Losses", "損失"],
    chartNote: ["Drag to zoom, from minutes to months. A gap: no sensor was there. Steps of {0}, UTC.", "ドラッグで拡大(分〜月)。空白は観測なし。{0} 単位、UTC。"],
    highestNote: ["Distinct counts do not add up: the highest of a step's minutes or hours.", "異なり数は加算できないため、各区間の最大値です。"],
    ports: ["TCP ports", "TCP ポート"],
    udpPorts: ["UDP ports", "UDP ポート"],
    countries: ["Countries", "国"],
    networks: ["Networks (AS)", "ネットワーク (AS)"],
    topSources: ["Sources", "送信元"],
    devices: ["IoT devices", "IoT 機器"],
    rank: ["#", "順位"],
    port: ["Port", "ポート"],
    service: ["Service", "サービス"],
    device: ["IoT devices there, and their weakness", "対象 IoT 機器と弱点"],
    country: ["Country", "国"],
    as: ["AS", "AS"],
    name: ["Name", "名称"],
    tool: ["Tool or malware", "ツール・マルウェア"],
    source: ["Source", "送信元"],
    labels: ["Labels", "ラベル"],
    shareOf: ["Share", "割合"],
    shareOfMatches: ["Share of all matches", "一致全体に占める割合"],
    lastSeen: ["Last seen", "最終観測"],
    firstSeen: ["First seen", "初回観測"],
    rowsOf: ["{0} of {1}", "{1} 件中 {0} 件"],
    more: ["Show more", "さらに表示"],
    fewer: ["Show fewer", "表示を減らす"],
    nothing: ["Nothing in this window.", "この期間のデータはありません。"],
    spanTrailing: ["the trailing {0}", "直近 {0}"],
    spanDays: ["whole UTC days {0} to {1}", "UTC {0}〜{1}"],
    spanRegistry: ["the last 7 days, last seen first", "直近 7 日・最終観測順"],
    inCountry: ["TCP ports of {0}, the trailing 24 h", "{0} の TCP ポート(直近 24 時間)"],
    damaged: ["Redis has keys that are not what sensors write: numbers are missing", "Redis にセンサーが書いたものではないキーがあり、数値が欠けています"],
    moreSensors: ["There are more sensors: all of this is of the first {0} by name", "センサーが他にもあります。表示は名前順で先頭の {0} 台のみです"],
    onlyDay: ["The ports of a country are kept for the trailing day, for the 20 first countries.", "国別ポートは上位 20 か国・直近 24 時間のみ。"],
    clear: ["Remove this filter", "フィルターを解除"],
    filterFeed: ["Filter the live feed by this row", "この行でライブ表示を絞り込む"],
    unknown: ["unknown", "不明"],
    evidence: ["Evidence", "根拠"],
    signature: ["Signature", "シグネチャ"],
    candidates: ["Could match (n)", "対象 (n)"],
    matched: ["Matched (k)", "一致 (k)"],
    probability: ["By chance", "偶然の確率"],
    seenBy: ["Seen by {0}", "観測センサー {0}"],
    portsOf: ["Ports", "ポート"],
    andMore: ["and others", "ほか"],
    close: ["Close", "閉じる"],
    notLabelled: ["No sensor has labelled this source: its packets do not exclude chance.", "この送信元にラベルはありません。"],
    estimate: ["an estimate, ± 2.3 %", "推定値(± 2.3 %)"],
    upper: ["upper bound", "上限値"],
    lower: ["lower bound: a sensor or day may have more of it beyond its first rows", "下限値：一部のセンサーまたは日の上位に含まれていません"],
    about: ["nightscope watches unused address space: every packet here is unsolicited.", "nightscope は未使用アドレス空間を観測します。届くパケットはすべて不要な通信です。"],
    api: ["The numbers as JSON", "JSON API"],
    capture: ["one replay, {0}", "リプレイ 1 回分 {0}"],
    wholeCapture: ["Whole capture", "全期間"],
    iotDevice: ["IoT device", "IoT 機器"],
};

let language = "en";

export function setLanguage(wanted) {
    language = wanted === "ja" ? "ja" : "en";
    document.documentElement.lang = language;
}

export function currentLanguage() {
    return language;
}

export function word(key, ...values) {
    const both = WORDS[key];
    if (!both) return key;
    return both[language === "ja" ? 1 : 0].replace(/\{(\d)\}/g, (_, i) => values[i]);
}

export function number(value) {
    return Math.round(value).toLocaleString(language);
}

/* 1,234 as it is; beyond a million 1.2 M. */
export function short(value) {
    if (value < 1e6) return value < 10 && value % 1 ? value.toFixed(value < 1 ? 2 : 1) : number(value);
    const units = ["M", "G", "T", "P", "E"];
    let unit = 0;
    for (value /= 1e6; value >= 999.5 && unit + 1 < units.length; unit++) value /= 1e3;
    return `${value.toPrecision(3)} ${units[unit]}`;
}

export function percent(part, whole) {
    if (!whole) return "–";
    const value = (100 * part) / whole;
    return `${value >= 10 || value === 0 ? value.toFixed(1) : value.toPrecision(2)} %`;
}

const SPANS = [["d", 86400, "日"], ["h", 3600, "時間"], ["min", 60, "分"], ["s", 1, "秒"]];

/* 90 s, 5 min, 3 h, 2 d: one unit, the larger where there are two of it. */
export function span(seconds) {
    const [unit, length, kanji] = SPANS.find(([, n]) => seconds >= 2 * n) || SPANS[3];
    const value = Math.max(0, Math.round(seconds / length));
    return language === "ja" ? `${value} ${kanji}` : `${value} ${unit}`;
}

export function stamp(seconds, withSeconds) {
    if (!seconds) return "–";
    const text = new Date(seconds * 1000).toISOString();
    return `${text.slice(0, 10)} ${text.slice(11, withSeconds ? 19 : 16)}`;
}

export function dayText(day) {
    return `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
}

export function countryName(cc) {
    if (!/^[A-Z]{2}$/.test(cc)) return word("unknown");
    try {
        return new Intl.DisplayNames([language], { type: "region" }).of(cc) || cc;
    } catch {
        return cc;
    }
}
