Pod::Spec.new do |s|
  s.name = "AuroraPush"
  s.version = "1.0.0"
  s.summary = "Aurora's SDK for iOS: push notifications through a server of your own."
  s.homepage = "https://github.com/aurora-push/aurora"
  s.license = { :type => "Apache-2.0", :file => "LICENSE" }
  s.author = "The Aurora authors"
  s.source = { :git => "https://github.com/aurora-push/aurora.git", :tag => "ios-#{s.version}" }
  s.ios.deployment_target = "12.0"
  s.requires_arc = true
  s.default_subspec = "App"

  s.subspec "Core" do |core|
    core.source_files = "Sources/AuroraPushCore/**/*.{h,m}"
    core.public_header_files = "Sources/AuroraPushCore/include/*.h"
    core.resource_bundles = { "AuroraPush" => ["Sources/AuroraPushCore/PrivacyInfo.xcprivacy"] }
    core.frameworks = "Foundation"
  end

  s.subspec "System" do |system|
    system.dependency "AuroraPush/Core"
    system.source_files = "Sources/AuroraPushSystem/**/*.{h,m}"
    system.public_header_files = "Sources/AuroraPushSystem/include/*.h"
    system.frameworks = "Foundation"
  end

  s.subspec "App" do |app|
    app.dependency "AuroraPush/System"
    app.source_files = "Sources/AuroraPush/**/*.{h,m}"
    app.public_header_files = "Sources/AuroraPush/include/*.h"
    app.frameworks = "UIKit", "UserNotifications"
  end

  # For the target of the notification service extension: pod 'AuroraPush/Extension'
  s.subspec "Extension" do |ext|
    ext.dependency "AuroraPush/System"
    ext.source_files = "Sources/AuroraPushExtension/**/*.{h,m}"
    ext.public_header_files = "Sources/AuroraPushExtension/include/*.h"
    ext.frameworks = "UserNotifications"
  end
end
