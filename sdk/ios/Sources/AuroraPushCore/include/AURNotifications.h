// Names of the NSNotifications that the SDK posts on the default centre, on the main thread.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// The SDK begins to reach Aurora.
extern NSString *const AURNetworkIsConnectingNotification;
/// The channel for in-app messages stands.
extern NSString *const AURNetworkDidSetupNotification;
/// The channel for in-app messages has ended.
extern NSString *const AURNetworkDidCloseNotification;
/// The installation is new at Aurora. userInfo: RegistrationID.
extern NSString *const AURNetworkDidRegisterNotification;
/// Aurora refuses the registration, or the configuration is wrong. userInfo: error.
extern NSString *const AURNetworkFailedRegisterNotification;
/// Aurora has answered to this installation since the launch; the registration id is readable. userInfo: RegistrationID.
extern NSString *const AURNetworkDidLoginNotification;
/// An in-app message. userInfo: content, title, content_type, extras, _j_msgid (those that the sender set).
extern NSString *const AURNetworkDidReceiveMessageNotification;
/// Aurora refused a value, which is given up. userInfo: error.
extern NSString *const AURServiceErrorNotification;

NS_ASSUME_NONNULL_END
