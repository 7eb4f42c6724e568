// Countries by their two letters: the number that the atlas knows each by; and of those too
// small for the atlas, about where they are (latitude, longitude).
const MAPPED = (
    "AF004 AL008 DZ012 AO024 AQ010 AR032 AM051 AU036 AT040 AZ031 BS044 BD050 BY112 BE056 BZ084 " +
    "BJ204 BT064 BO068 BA070 BW072 BR076 BN096 BG100 BF854 BI108 KH116 CM120 CA124 CF140 TD148 " +
    "CL152 CN156 CO170 CG178 CD180 CR188 CI384 HR191 CU192 CY196 CZ203 DK208 DJ262 DO214 EC218 " +
    "EG818 SV222 GQ226 ER232 EE233 SZ748 ET231 FK238 FJ242 FI246 FR250 TF260 GA266 GM270 GE268 " +
    "DE276 GH288 GR300 GL304 GT320 GN324 GW624 GY328 HT332 HN340 HU348 IS352 IN356 ID360 IR364 " +
    "IQ368 IE372 IL376 IT380 JM388 JP392 JO400 KZ398 KE404 KP408 KR410 KW414 KG417 LA418 LV428 " +
    "LB422 LS426 LR430 LY434 LT440 LU442 MG450 MW454 MY458 ML466 MR478 MX484 MD498 MN496 ME499 " +
    "MA504 MZ508 MM104 NA516 NP524 NL528 NC540 NZ554 NI558 NE562 NG566 MK807 NO578 OM512 PK586 " +
    "PS275 PA591 PG598 PY600 PE604 PH608 PL616 PT620 PR630 QA634 RO642 RU643 RW646 SA682 SN686 " +
    "RS688 SL694 SK703 SI705 SB090 SO706 ZA710 SS728 ES724 LK144 SD729 SR740 SE752 CH756 SY760 " +
    "TW158 TJ762 TZ834 TH764 TL626 TG768 TT780 TN788 TR792 TM795 UG800 UA804 AE784 GB826 US840 " +
    "UY858 UZ860 VU548 VE862 VN704 EH732 YE887 ZM894 ZW716 "
).trim().split(" ");
const SMALL = (
    "AX+60+20 AS-14-171 AD+42+2 AI+18-63 AG+17-62 AW+12-70 BH+26+51 BB+13-60 BM+32-65 BQ+12-68 " +
    "IO-7+72 VG+18-65 CV+15-24 KY+19-81 CX-10+106 CC-12+97 KM-12+43 CK-21-160 CW+12-69 DM+15-61 " +
    "FO+62-7 GF+5-52 PF-18-150 GI+36-5 GD+12-62 GP+16-62 GU+13+145 GG+49-3 VA+42+12 HK+22+114 " +
    "IM+54-4 JE+49-2 KI+1+173 LI+47+10 MO+22+114 MV+4+74 MT+36+15 MH+7+171 MQ+15-61 MU-20+58 " +
    "YT-13+45 FM+7+152 MC+44+7 MS+17-62 NR-1+167 NU-19-170 NF-29+168 MP+15+146 PW+7+134 PN-25-130 " +
    "RE-21+55 BL+18-63 SH-16-6 KN+17-63 LC+14-61 MF+18-63 PM+47-56 VC+13-61 WS-14-172 SM+44+12 " +
    "ST+0+7 SC-5+55 SG+1+104 SX+18-63 GS-54-37 SJ+78+16 TK-9-171 TO-21-175 TC+21-71 TV-9+179 " +
    "VI+18-65 WF-13-176 "
).trim().split(" ");

const NUMBER_OF = new Map(MAPPED.map((entry) => [entry.slice(0, 2), entry.slice(2)]));
const PLACE_OF = new Map(SMALL.map((entry) => {
    const [, cc, lat, lon] = /^(..)([+-]\d+)([+-]\d+)$/.exec(entry);
    return [cc, [Number(lon), Number(lat)]];
}));

/* The atlas: features by country, and where the middle of each country is. */
export function makeAtlas(world) {
    const features = topojson.feature(world, world.objects.countries).features;
    const byNumber = new Map(features.map((feature) => [feature.id, feature]));
    const byCountry = new Map();
    const middles = new Map(PLACE_OF);
    for (const [cc, number] of NUMBER_OF) {
        const feature = byNumber.get(number);
        if (!feature) continue;
        byCountry.set(cc, feature);
        middles.set(cc, d3.geoCentroid(largestPart(feature)));
    }
    return { features, byCountry, middles };
}

/* A country's overseas parts must not pull its middle into the sea. */
function largestPart(feature) {
    const { type, coordinates } = feature.geometry;
    if (type !== "MultiPolygon") return feature;
    const parts = coordinates.map((part) => ({ type: "Polygon", coordinates: part }));
    return parts.reduce((a, b) => (d3.geoArea(a) >= d3.geoArea(b) ? a : b));
}
