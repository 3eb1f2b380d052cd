// swift-tools-version:5.9
import PackageDescription

// Aurora's SDK for iOS. In Xcode: File › Add Package Dependencies › Add Local…, and choose this folder.
let package = Package(
    name: "AuroraPush",
    platforms: [.iOS(.v12)],
    products: [
        .library(name: "AuroraPush", targets: ["AuroraPush"]),
        .library(name: "AuroraPushExtension", targets: ["AuroraPushExtension"]),
    ],
    targets: [
        // Foundation only, safe in app extensions.
        .target(name: "AuroraPushCore", resources: [.copy("PrivacyInfo.xcprivacy")]),
        // NSURLSession, timers and facts about the device, behind the core's protocols.
        .target(name: "AuroraPushSystem", dependencies: ["AuroraPushCore"]),
        // The app: UIKit and UserNotifications.
        .target(name: "AuroraPush", dependencies: ["AuroraPushCore", "AuroraPushSystem"], cSettings: [.headerSearchPath("../AuroraPushCore")]),
        // The notification service extension.
        .target(name: "AuroraPushExtension", dependencies: ["AuroraPushCore", "AuroraPushSystem"], cSettings: [.headerSearchPath("../AuroraPushCore")]),
    ]
)
