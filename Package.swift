// swift-tools-version: 6.2
import PackageDescription

// The SwiftPM build is for development, the tests and the Swift product. CMakeLists.txt builds the
// same sources as Embedded Swift for the shipped libbgjobs.
let core: [SwiftSetting] = [
  .treatWarning("EmbeddedRestrictions", as: .error),
  .enableExperimentalFeature("Lifetimes"),
  // A storage for tests; products are built without it.
  .define("MEMORY_STORAGE", .when(configuration: .debug)),
]

let package = Package(
  name: "bgjobs",
  products: [
    .library(name: "BackgroundJobs", targets: ["BackgroundJobs"]),
    .executable(name: "bgjobs", targets: ["CLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(
      name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
    .target(name: "CPosix", dependencies: ["CJansson"]),
    .target(name: "CProcess"),
    .target(
      name: "CBgjobs", cSettings: [.headerSearchPath("../../Include")]),
    .target(
      name: "BackgroundJobs", dependencies: ["CPosix", "CJansson"], swiftSettings: core,
      // Glibc would bring it, but the core does not import that.
      linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CAPI", dependencies: ["BackgroundJobs", "CBgjobs"], swiftSettings: core),
    .executableTarget(
      name: "CLI",
      dependencies: [
        "BackgroundJobs", "CProcess",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "Clone", dependencies: ["BackgroundJobs"], path: "Examples",
      exclude: [
        "CMakeLists.txt", "child.c", "child.h", "clone.c", "clone.py", "clone.sh", "demo-c.sh",
        "demo-common.sh", "demo.sh", "import.c", "import.py", "import.sh", "pipeline.py",
        "pipeline.sh", "status.c",
      ],
      sources: ["Clone.swift"]),
    .testTarget(
      name: "BackgroundJobsTests", dependencies: ["BackgroundJobs", "CAPI", "CBgjobs"]),
  ],
  swiftLanguageModes: [.v6]
)
