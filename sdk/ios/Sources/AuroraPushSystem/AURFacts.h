// What is known about app and device without asking anyone; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// Any of app_version, os_version, model, language, time_zone. Nothing here identifies a person or a device.
NSDictionary<NSString *, NSString *> *AURProfileOf(NSBundle *bundle);

NS_ASSUME_NONNULL_END
